-- Something was decided about an incident. ARGV: district, the incident's name, the status, what it is now, then the feeds
-- one of which must have it still. What it was when the first was decided stays. Returns whether it was written.
for i = 5, #ARGV do
  if redis.call('HEXISTS', INCIDENTS .. ARGV[i], ARGV[2]) == 1 then
    redis.call('HSET', DECISIONS .. ARGV[1], ARGV[2], ARGV[3])
    redis.call('HSETNX', INCIDENTS_TOLD .. ARGV[1], ARGV[2], ARGV[4])
    return 1
  end
end
return 0
