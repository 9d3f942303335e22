-- Store which site a tracker is. ARGV: tracker, what was read before or '', what is to be stored. Returns 0 where
-- another process has stored something since.
if (redis.call('GET', SITE .. ARGV[1]) or '') ~= ARGV[2] then return 0 end
redis.call('SET', SITE .. ARGV[1], ARGV[3])
return 1
