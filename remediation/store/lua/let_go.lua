-- The worker that took this work up is alive, whatever the result of the work is. ARGV: name, token.
-- Another worker may have taken the work up since, and have counted this worker as dead: that count is corrected.
local key = BEGUN .. ARGV[1]
if redis.call('HGET', key, 'token') == ARGV[2] then
  broken_off(ARGV[1])
elseif redis.call('HGET', key, 'blamed') == ARGV[2] then
  redis.call('HDEL', key, 'blamed')
  redis.call('HINCRBY', key, 'crashes', -1)
end
return 1
