-- The compliance report of a scan is to be made for the scan's summary, unless the newest one tells what is so now. ARGV: reference
-- of the report, now, the scan's id, the format, what stands for what it is to tell, how long (ms) after the last one the next one
-- begins, how long (ms) the row is kept once it is done, and the id of a finished report that SchoolScan does not have any more, or ''.
-- Returns 1 where one begins. One that is not asked for yet tells what is so when it is.
local ref, now, form, tells, lost = ARGV[1], tonumber(ARGV[2]), ARGV[4], ARGV[5], ARGV[8]
local row = SCAN .. ref
local state, ready, of, written, made_at = unpack(redis.call('HMGET', row, 'state', 'ready', 'tells', 'form', 'made_at'))
if state == 'parked' and redis.call('ZSCORE', PARKED, ref .. '/list') then return 0 end
if state == 'listing' then
  if not redis.call('HGET', row, 'report') then redis.call('HSET', row, 'tells', tells, 'form', form) end
  return 0
end
if lost ~= '' then
  if ready ~= lost then return 0 end
  redis.call('HDEL', row, 'ready', 'made_at')
  redis.call('HINCRBY', row, 'failures', 1)
  made_at = false
elseif ready and of == tells and written == form then
  return 0
end
redis.call('HSET', row, 'id', ARGV[3], 'state', 'listing', 'form', form, 'tells', tells, 'attempts', 0, 'at', now, 'kept_ms', ARGV[7])
redis.call('PERSIST', row)
redis.call('DEL', BEGUN .. ref)
local due = made_at and written == form and math.min(tonumber(made_at), now) + tonumber(ARGV[6]) or now
if due > now then
  redis.call('ZADD', SCANS, due, ref) -- the sweep wakes it
else
  redis.call('ZADD', SCANS, now + GRACE_MS, ref)
  wake_once(row, 'page_scan', ref, now, 5)
end
return 1
