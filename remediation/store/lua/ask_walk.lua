-- Read a feed with the next round, although it was put off; begin this walk where none is in hand. ARGV: feed, now, the
-- walk. Returns the walk that is in hand then.
local row = FEED .. ARGV[1]
if redis.call('HSETNX', row, 'walk', ARGV[3]) == 1 then redis.call('HSET', row, 'began_at', ARGV[2], 'attempts', 0) end
redis.call('HSET', row, 'wait_until', 0)
return redis.call('HGET', row, 'walk')
