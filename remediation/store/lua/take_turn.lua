-- Whether a round that all workers share is due, for the first who asks. ARGV: name, now, how long (ms) a turn lasts.
-- By the moment that is written here and not by its expiry: a server whose clock was set back lets nothing expire for as
-- long as that, and a moment that lies in the future is no turn of anybody's.
local key, now, lasts = TURN .. ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local last = tonumber(redis.call('GET', key) or '')
if last and last <= now and now - last < lasts then return 0 end
redis.call('SET', key, now)
return 1
