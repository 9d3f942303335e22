-- See after one thing that the sweep found due. ARGV: which ('case', 'delivery' or 'scan'), reference, now. Answers 1 if it was woken.
local which, ref, now = ARGV[1], ARGV[2], tonumber(ARGV[3])
local list = ({case = DIRTY, delivery = PENDING, scan = SCANS})[which]
local row = ({case = CASE, delivery = INBOX, scan = SCAN})[which] .. ref
local job = ({case = 'look_at_case', delivery = 'read_delivery', scan = 'page_scan'})[which]
local due = redis.call('ZSCORE', list, ref)
if not due or tonumber(due) > now then return 0 end
redis.call('ZADD', list, now + GRACE_MS, ref)
if which == 'case' and redis.call('EXISTS', LEASE .. ref) == 1 then
  redis.call('ZADD', list, now + 1000, ref)
  return 0
end
if waits(row) then return 0 end
wake(row, job, ref, now, which == 'case' and band_of(row) or 5)
return 1
