-- Take the lease on a dirty case. ARGV: reference, token, time to live (ms). Answers the row, or 'clean' or 'busy'.
local ref = ARGV[1]
if not redis.call('ZSCORE', DIRTY, ref) then return 'clean' end
if not redis.call('SET', LEASE .. ref, ARGV[2], 'NX', 'PX', ARGV[3]) then return 'busy' end
return redis.call('HGETALL', CASE .. ref)
