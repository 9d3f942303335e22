-- Begin to read a window of a feed, unless one is being read. ARGV: feed, now, the walk. Returns whether it began.
-- Whoever begins has found the feed in mappings.yaml, which the round that names all feeds may note later.
local row = FEED .. ARGV[1]
if redis.call('HSETNX', row, 'walk', ARGV[3]) == 0 then return 0 end
redis.call('HSET', row, 'began_at', ARGV[2], 'attempts', 0)
redis.call('HSETNX', FEEDS, ARGV[1], ARGV[2])
return 1
