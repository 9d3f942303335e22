-- The cause of each system's trouble may be corrected: one case of each system asks it with the next sweep. ARGV: now.
for _, name in ipairs(redis.call('SMEMBERS', SYSTEMS)) do
  if redis.call('HEXISTS', SYSTEM .. name, 'waiting') == 1 then redis.call('HSET', SYSTEM .. name, 'probe', ARGV[1]) end
end
return 1
