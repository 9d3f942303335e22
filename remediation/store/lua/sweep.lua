-- Wake what is due and has no live wake-up: put off, orphaned by a crash, or forgotten by the queue.
-- ARGV: which ('case', 'delivery' or 'scan'), now, how many at the most. Returns how many were woken, and how many
-- were due: each of these is later due again.
local which, now, most = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local list = ({case = DIRTY, delivery = PENDING, scan = SCANS})[which]
local since = ({case = DIRTY_SINCE, delivery = PENDING_SINCE})[which]
local rows = ({case = CASE, delivery = INBOX, scan = SCAN})[which]
local job = ({case = 'look_at_case', delivery = 'read_delivery', scan = 'page_scan'})[which]
local woken = 0
if which == 'case' then
  redis.call('SET', SWEPT, now, 'PX', SWEPT_MS)
  redis.call('SET', LAST_SWEEP, now)
  beginning(now) -- noted soon after a server has started, also where nothing else happens
end
local due = redis.call('ZRANGEBYSCORE', list, 0, now, 'LIMIT', 0, most)
for _, ref in ipairs(due) do
  local row = rows .. ref
  if since then redis.call('ZADD', since, 'NX', now, ref) end -- an earlier version did not write down since when
  if which == 'case' and redis.call('EXISTS', LEASE .. ref) == 1 then
    redis.call('ZADD', list, now + 1000, ref)
  elseif waits(row, job, ref) then
    redis.call('ZADD', list, now + GRACE_MS, ref)
  else
    redis.call('ZADD', list, now + GRACE_MS, ref)
    if which ~= 'delivery' then
      wake(row, job, ref, now, band_of(row, which ~= 'case' and 5 or nil))
      woken = woken + 1
    elseif await_reader(ref, now) then
      woken = woken + 1
    end
  end
end
return {woken, #due}
