-- Note that mappings.yaml names these feeds of incidents. ARGV: now, then the name of each and how often it is read (ms).
for i = 2, #ARGV, 2 do
  redis.call('HSET', FEEDS, ARGV[i], ARGV[1])
  redis.call('HSETNX', FEED .. ARGV[i], 'known_at', ARGV[1])
  redis.call('HSET', FEED .. ARGV[i], 'every', ARGV[i + 1])
end
return redis.call('HGETALL', FEEDS)
