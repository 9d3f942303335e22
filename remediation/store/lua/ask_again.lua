-- A cause of trouble may be gone for every system: let one case of each ask at once. ARGV: now.
for _, name in ipairs(redis.call('SMEMBERS', SYSTEMS)) do
  if redis.call('HEXISTS', SYSTEM .. name, 'waiting') == 1 then redis.call('HSET', SYSTEM .. name, 'probe', ARGV[1]) end
end
return 1
