-- A page of a scan has been listed. ARGV: scan reference, now, cursor of the page as the row has it, the next one (sealed)
-- or '', how many of its findings have no usable id, the district, how long (ms) their number is told, the cause, how many
-- of its findings were passed over, which cases are not marked ('known': those that have a row; 'seen': those at which a look
-- began after the scan had ended, which the list tells nothing new; or ''), the id of the scan that was taken up, then the cases.
-- Cases of a backfill wait behind all else.
-- With the end of the list its cursor is deleted.
-- Returns how many cases were marked, or -1 when another worker has listed this page already, or the row is another backfill's by now.
local FIRST_CASE = 12
local scan, now = ARGV[1], tonumber(ARGV[2])
local row, marked, known = SCAN .. scan, 0, 0
local state, cursor, id, completed = unpack(redis.call('HMGET', row, 'state', 'cursor', 'id', 'completed_at'))
if state ~= 'listing' or cursor ~= ARGV[3] or id ~= ARGV[11] then return -1 end

-- `begun` is in whole seconds, so a look that began in the second of the end may have begun before it. One in the future was
-- written by a Redis whose clock was ahead of this one's: it tells nothing.
local function is_seen(ref)
  local begun = completed and redis.call('HGET', CASE .. ref, 'begun')
  return begun and tonumber(begun) > tonumber(completed) / 1000 and tonumber(begun) <= now / 1000
end

for i = FIRST_CASE, #ARGV, 3 do
  if ARGV[10] == 'known' and redis.call('EXISTS', CASE .. ARGV[i]) == 1 then
    known = known + 1
  elseif ARGV[10] ~= 'seen' or not is_seen(ARGV[i]) then
    mark(ARGV[i], ARGV[i + 1], now, tonumber(ARGV[i + 2]), ARGV[8], nil, ARGV[8] == 'backfill' and 'behind' or nil)
    note_origin(ARGV[i], row)
    marked = marked + 1
  end
end
redis.call('HINCRBY', row, 'pages', 1)
redis.call('HINCRBY', row, 'marked', marked)
if known > 0 then redis.call('HINCRBY', row, 'known', known) end
if ARGV[9] ~= '0' then redis.call('HINCRBY', row, 'passed_over', ARGV[9]) end
if ARGV[5] ~= '0' then
  redis.call('HINCRBY', row, 'left_out', ARGV[5])
  redis.call('HINCRBY', LEFT_OUT, ARGV[6], ARGV[5])
  redis.call('HSET', LEFT_OUT, ARGV[6] .. ':at', now)
  redis.call('PEXPIRE', LEFT_OUT, ARGV[7])
end
redis.call('HSET', row, 'attempts', 0)
ended(scan)
if ARGV[4] == '' then
  redis.call('HSET', row, 'state', 'done', 'ended_at', now)
  redis.call('HDEL', row, 'cursor')
  redis.call('ZREM', SCANS, scan)
  local kept = redis.call('HGET', row, 'kept_ms')
  if kept then redis.call('PEXPIRE', row, kept) end
else
  redis.call('HSET', row, 'cursor', ARGV[4])
  redis.call('ZADD', SCANS, now + GRACE_MS, scan)
  wake(row, 'page_scan', scan, now, band_of(row, 5))
end
return marked
