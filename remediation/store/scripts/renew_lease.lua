-- Keep the lease, and write the given fields under it. ARGV: reference, token, time to live (ms), field, value, …
-- Answers 0 when the lease is lost; nothing is written then.
if not holds(ARGV[1], ARGV[2]) then return 0 end
redis.call('PEXPIRE', LEASE .. ARGV[1], ARGV[3])
for i = 4, #ARGV, 2 do redis.call('HSET', CASE .. ARGV[1], ARGV[i], ARGV[i + 1]) end
return 1
