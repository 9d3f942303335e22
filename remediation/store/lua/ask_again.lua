-- Something has changed that may end the trouble of every system: let one case of each ask at once. ARGV: now.
for _, name in ipairs(redis.call('SMEMBERS', SYSTEMS)) do
  if redis.call('HEXISTS', SYSTEM .. name, 'waiting') == 1 then redis.call('HSET', SYSTEM .. name, 'probe', ARGV[1]) end
end
return 1
