-- Store the site of a tracker. ARGV: tracker, the stored value as it was read ('' for none), the new value. Returns 0, and
-- stores nothing, where another process has stored a value since.
if (redis.call('GET', SITE .. ARGV[1]) or '') ~= ARGV[2] then return 0 end
redis.call('SET', SITE .. ARGV[1], ARGV[3])
return 1
