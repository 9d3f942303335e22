-- A page of a scan has been listed. ARGV: scan reference, now, cursor of the page as the row has it, the next one (sealed)
-- or '', how many of its findings have no usable id, the district, how long (ms) their number is told, then the cases.
-- With the end of the list its cursor is deleted.
-- Returns 0 when another worker has listed this page already.
local scan, now = ARGV[1], tonumber(ARGV[2])
local row = SCAN .. scan
if redis.call('HGET', row, 'state') ~= 'listing' or redis.call('HGET', row, 'cursor') ~= ARGV[3] then return 0 end
mark_all(8, now, 'scan')
for i = 8, #ARGV, 3 do note_origin(ARGV[i], row) end
redis.call('HINCRBY', row, 'pages', 1)
redis.call('HINCRBY', row, 'marked', (#ARGV - 7) / 3)
if ARGV[5] ~= '0' then
  redis.call('HINCRBY', row, 'left_out', ARGV[5])
  redis.call('HINCRBY', LEFT_OUT, ARGV[6], ARGV[5])
  redis.call('HSET', LEFT_OUT, ARGV[6] .. ':at', now)
  redis.call('PEXPIRE', LEFT_OUT, ARGV[7])
end
redis.call('HSET', row, 'attempts', 0)
ended(scan)
if ARGV[4] == '' then
  redis.call('HSET', row, 'state', 'done')
  redis.call('HDEL', row, 'cursor')
  redis.call('ZREM', SCANS, scan)
  local kept = redis.call('HGET', row, 'kept_ms')
  if kept then redis.call('PEXPIRE', row, kept) end
else
  redis.call('HSET', row, 'cursor', ARGV[4])
  redis.call('ZADD', SCANS, now + GRACE_MS, scan)
  wake(row, 'page_scan', scan, now, 5)
end
return 1
