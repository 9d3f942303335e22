-- Let go of a case and come back at `due`, or at once when something happened since. ARGV: reference, token, due (ms),
-- generation seen, now. Answers 0 when the lease is lost.
local ref = ARGV[1]
if not holds(ref, ARGV[2]) then return 0 end
redis.call('HINCRBY', CASE .. ref, 'attempts', 1)
redis.call('ZADD', DIRTY, redis.call('HGET', CASE .. ref, 'gen') == ARGV[4] and ARGV[3] or ARGV[5], ref)
redis.call('DEL', LEASE .. ref)
ended(ref)
return 1
