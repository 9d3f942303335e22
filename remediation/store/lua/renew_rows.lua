-- Write values of a hash anew, where they are as they were read. ARGV: the hash, then name, former and new value of each.
for i = 2, #ARGV, 3 do
  if redis.call('HGET', ARGV[1], ARGV[i]) == ARGV[i + 1] then redis.call('HSET', ARGV[1], ARGV[i], ARGV[i + 2]) end
end
return 1
