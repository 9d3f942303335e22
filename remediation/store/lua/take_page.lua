-- Whether the caller is to ask a feed for the next page of this walk: one worker at a time. ARGV: feed, the walk, now, how
-- long (ms) others wait for it.
-- The stored time decides, and not an expiry; a time in the future does not count (see take_turn).
local row, now = FEED .. ARGV[1], tonumber(ARGV[3])
if redis.call('HGET', row, 'walk') ~= ARGV[2] then return 0 end
local asked_at = tonumber(redis.call('HGET', row, 'asked_at') or '')
if asked_at and asked_at <= now and now - asked_at < tonumber(ARGV[4]) then return 0 end
redis.call('HSET', row, 'asked_at', now)
return 1
