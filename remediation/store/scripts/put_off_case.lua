-- Let go of a case and come back at `due`. ARGV: reference, token, due (ms). Answers 0 when the lease is lost.
local ref = ARGV[1]
if not holds(ref, ARGV[2]) then return 0 end
redis.call('HINCRBY', CASE .. ref, 'attempts', 1)
redis.call('ZADD', DIRTY, ARGV[3], ref)
redis.call('DEL', LEASE .. ref)
return 1
