-- Whether a round that all workers share is due, for the first one that asks. ARGV: name, now, how long (ms) a turn
-- lasts.
-- The stored time decides, and not an expiry: where the server's clock was set back by an hour, nothing expires for an hour.
-- A time in the future does not count.
local key, now, lasts = TURN .. ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local last = tonumber(redis.call('GET', key) or '')
if last and last <= now and now - last < lasts then return 0 end
redis.call('SET', key, now)
return 1
