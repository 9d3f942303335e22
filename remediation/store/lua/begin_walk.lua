-- Begin to read a window of a feed, unless one is being read. ARGV: feed, now, the walk. Returns whether it began.
local row = FEED .. ARGV[1]
if redis.call('HSETNX', row, 'walk', ARGV[3]) == 0 then return 0 end
redis.call('HSET', row, 'began_at', ARGV[2], 'attempts', 0)
return 1
