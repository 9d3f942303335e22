-- Note which site a tracker is. ARGV: tracker, what was read before or '', what is to be noted. Answers 0 where somebody
-- else has noted something since.
if (redis.call('GET', SITE .. ARGV[1]) or '') ~= ARGV[2] then return 0 end
redis.call('SET', SITE .. ARGV[1], ARGV[3])
return 1
