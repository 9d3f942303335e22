-- A delivery has been read. ARGV: id, now, lifetime of the fingerprint (ms), scan reference or '', scan id, scan state
-- ('started' or 'listing'), then reference, id, band of each case to mark. Returns 0 if it was finished already.
-- A scan's row expires once its listing is done, as a fingerprint does, and never while it is listed or parked.
local id, now, scan = ARGV[1], tonumber(ARGV[2]), ARGV[4]
local row = INBOX .. id
if redis.call('HGET', row, 'state') ~= 'received' then return 0 end
if scan ~= '' then
  local scan_row = SCAN .. scan
  redis.call('HSETNX', scan_row, 'id', ARGV[5])
  redis.call('HSETNX', scan_row, 'state', ARGV[6]) -- 'started' may come late: it never ends a listing
  redis.call('HSET', scan_row, 'at', now, 'kept_ms', ARGV[3])
  local state = redis.call('HGET', scan_row, 'state')
  if ARGV[6] == 'listing' then
    redis.call('PERSIST', scan_row)
    redis.call('HDEL', scan_row, 'request_id', 'trace') -- the origin of an earlier listing
    for _, name in ipairs({'request_id', 'trace'}) do
      local value = redis.call('HGET', row, name)
      if value then redis.call('HSET', scan_row, name, value) end
    end
    redis.call('HSET', scan_row, 'state', 'listing', 'cursor', '', 'pages', 0, 'marked', 0, 'attempts', 0)
    redis.call('HDEL', scan_row, 'left_out') -- of an earlier listing
    redis.call('DEL', BEGUN .. scan, PARKED_ROW .. scan .. '/list') -- all of it is listed: nothing is left to replay
    redis.call('ZREM', PARKED, scan .. '/list')
    redis.call('ZADD', SCANS, now + GRACE_MS, scan)
    wake_once(scan_row, 'page_scan', scan, now, 5)
  elseif state ~= 'listing' and state ~= 'parked' then
    redis.call('PEXPIRE', scan_row, ARGV[3])
  end
end
for i = 7, #ARGV, 3 do
  if redis.call('EXISTS', CASE .. ARGV[i]) == 0 then bring(ARGV[i], account_of(id), now) end
end
mark_all(7, now, 'webhook:' .. (redis.call('HGET', row, 'sender') or ''))
for i = 7, #ARGV, 3 do note_delivery(ARGV[i], row, 'awaited:ticket', 'awaited:status') end
close_delivery(id, ARGV[3])
return 1
