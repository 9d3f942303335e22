-- Take up a delivery or the next page of a scan. ARGV: reference, token, now, whether it would be tried alone,
-- 'delivery' or 'scan', and for how long (ms) after it was taken up a worker may still be at work (there is no lease).
-- Returns the row with its crashes, or 'done' or 'suspect'.
local ref, token, now, which = ARGV[1], ARGV[2], tonumber(ARGV[3]), ARGV[5]
local delivery = which == 'delivery'
local row, name = (delivery and INBOX or SCAN) .. ref, delivery and 'delivery/' .. ref or ref
if redis.call('HEXISTS', row, delivery and 'state' or 'id') == 0 then -- the row has expired; a wake-up may have written a field
  redis.call('ZREM', delivery and PENDING or SCANS, ref)
  if delivery then redis.call('ZREM', PENDING_SINCE, ref) end
  redis.call('DEL', row)
  return 'done'
end
if redis.call('HGET', row, 'state') ~= (delivery and 'received' or 'listing') then return 'done' end
local at = tonumber(redis.call('HGET', BEGUN .. name, 'at') or '0')
if now - at >= tonumber(ARGV[6]) and not begin(name, token, now, ARGV[4] == '1') then
  redis.call('ZADD', delivery and PENDING or SCANS, 'XX', 'LT', now + SUSPECT_MS, ref)
  return 'suspect'
end
redis.call('ZADD', delivery and PENDING or SCANS, 'XX', now + GRACE_MS, ref) -- the sweep wakes it again if its worker dies
return with_crashes(redis.call('HGETALL', row), name)
