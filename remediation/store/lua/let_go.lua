-- The worker that took this work up is alive, whatever became of the work. ARGV: name, token.
-- Another worker may have taken it up since, and counted this one as dead.
local key = BEGUN .. ARGV[1]
if redis.call('HGET', key, 'token') == ARGV[2] then
  redis.call('HDEL', key, 'token', 'at')
elseif redis.call('HGET', key, 'blamed') == ARGV[2] then
  redis.call('HDEL', key, 'blamed')
  redis.call('HINCRBY', key, 'crashes', -1)
end
return 1
