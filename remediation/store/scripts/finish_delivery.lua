-- A delivery has been read. ARGV: id, now, lifetime of the fingerprint (ms), scan reference or '', scan id, scan state
-- ('started' or 'listing'), then reference, id, band of each case to mark. Answers 0 if it was finished already.
local id, now, scan = ARGV[1], tonumber(ARGV[2]), ARGV[4]
local row = INBOX .. id
if redis.call('HGET', row, 'state') ~= 'received' then return 0 end
if scan ~= '' then
  local scan_row = SCAN .. scan
  redis.call('HSETNX', scan_row, 'id', ARGV[5])
  redis.call('HSETNX', scan_row, 'state', ARGV[6]) -- 'started' may come late: it never undoes a listing
  redis.call('HSET', scan_row, 'at', now)
  if ARGV[6] == 'listing' or redis.call('HGET', scan_row, 'state') ~= 'parked' then
    redis.call('PEXPIRE', scan_row, ARGV[3])
  end
  if ARGV[6] == 'listing' then
    redis.call('HSET', scan_row, 'state', 'listing', 'cursor', '', 'pages', 0, 'marked', 0, 'attempts', 0)
    redis.call('DEL', BEGUN .. scan)
    redis.call('ZADD', SCANS, now + GRACE_MS, scan)
    wake_once(scan_row, 'page_scan', scan, now, 5)
  end
end
mark_all(7, now, 'webhook:' .. (redis.call('HGET', row, 'sender') or ''))
close_delivery(id, ARGV[3])
return 1
