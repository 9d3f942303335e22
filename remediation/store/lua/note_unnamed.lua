-- Store which of a case's trackers mappings.yaml does not name. ARGV: reference, token, now, then the name of each. The
-- case is looked at again as soon as one of them is named. Returns 0 when the lease is lost.
local ref, now = ARGV[1], tonumber(ARGV[3])
if not holds(ref, ARGV[2]) then return 0 end
forget_unnamed(ref)
for i = 4, #ARGV do
  redis.call('HSETNX', TRACKERS, ARGV[i], 0)
  redis.call('ZADD', UNNAMED .. ARGV[i], now, ref)
end
if #ARGV > 3 then redis.call('HSET', CASE .. ref, 'unnamed', table.concat(ARGV, ',', 4)) end
return 1
