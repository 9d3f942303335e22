-- Give back the turn of a channel, if it is still the caller's: where it has ended by itself, another worker may have it.
-- ARGV: channel, token.
local key = NOTED.NOTIFY_TURN .. ARGV[1]
if redis.call('GET', key) ~= ARGV[2] then return 0 end
return redis.call('DEL', key)
