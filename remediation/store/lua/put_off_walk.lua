-- A page of a feed could not be read: it is read again at `due`. ARGV: feed, the walk, due (ms), why. Another worker
-- may have read it meanwhile.
local row = FEED .. ARGV[1]
if redis.call('HGET', row, 'walk') ~= ARGV[2] then return 0 end
redis.call('HINCRBY', row, 'attempts', 1)
redis.call('HSET', row, 'wait_until', ARGV[3], 'trouble', ARGV[4])
redis.call('HDEL', row, 'asked_at')
return 1
