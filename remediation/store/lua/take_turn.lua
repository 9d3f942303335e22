-- Whether a round that all workers share is due, for the first one that asks. ARGV: name, now, how long (ms) a turn
-- lasts.
-- The stored time decides, and not its expiry: on a server whose clock was set back nothing expires for that long, and
-- a time in the future is nobody's turn.
local key, now, lasts = TURN .. ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local last = tonumber(redis.call('GET', key) or '')
if last and last <= now and now - last < lasts then return 0 end
redis.call('SET', key, now)
return 1
