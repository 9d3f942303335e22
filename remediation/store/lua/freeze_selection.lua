-- Keep what somebody has chosen. ARGV: id, now, how long (ms) it is kept, how many are kept at the most (the newest of all),
-- then fields and values.
local now, lifetime, row = tonumber(ARGV[2]), tonumber(ARGV[3]), NOTED.SELECTION .. ARGV[1]
redis.call('HSET', row, 'at', now, unpack(ARGV, 5))
redis.call('PEXPIRE', row, lifetime)
redis.call('ZREMRANGEBYSCORE', NOTED.SELECTIONS, '-inf', now - lifetime)
redis.call('ZADD', NOTED.SELECTIONS, now, ARGV[1])
redis.call('PEXPIRE', NOTED.SELECTIONS, lifetime)
for _, id in ipairs(redis.call('ZRANGE', NOTED.SELECTIONS, 0, -1 - tonumber(ARGV[4]))) do
  redis.call('ZREM', NOTED.SELECTIONS, id)
  redis.call('DEL', NOTED.SELECTION .. id)
end
return 1
