-- Take the lease on a dirty case. ARGV: reference, token, time to live (ms), now. Answers the row, or 'clean' or 'busy'.
-- With the row comes when this Redis began: what happened before that, nobody here can know; and the appointment.
local ref = ARGV[1]
if not redis.call('ZSCORE', DIRTY, ref) then return 'clean' end
if not redis.call('SET', LEASE .. ref, ARGV[2], 'NX', 'PX', ARGV[3]) then return 'busy' end
redis.call('SET', BORN, ARGV[4], 'NX')
local row = redis.call('HGETALL', CASE .. ref)
row[#row + 1] = 'born'
row[#row + 1] = redis.call('GET', BORN)
local look_at = redis.call('ZSCORE', APPOINTMENTS, ref)
if look_at then
  row[#row + 1] = 'look_at'
  row[#row + 1] = look_at
end
return row
