-- The findings of a scan are to be counted for its summary, or something has changed about one of them. ARGV: reference of the
-- counting, now, the scan's id, reference of the summary's case, how long (ms) after the last counting the next one begins, how
-- long (ms) the row is kept once it is done, and '1' where nobody need count unless the summary is there and not at its end.
-- Returns 1 where a counting begins. One that is under way, or parked, is followed by another: it may have read what has changed before.
local ref, now = ARGV[1], tonumber(ARGV[2])
local row, case = SCAN .. ref, CASE .. ARGV[4]
local state, counted_at = unpack(redis.call('HMGET', row, 'state', 'counted_at'))
if ARGV[7] == '1' and not (state or redis.call('EXISTS', case) == 1) then return 0 end
if ARGV[7] == '1' and redis.call('HEXISTS', case, 'ended') == 1 then return 0 end
redis.call('HINCRBY', row, 'changed', 1)
if state == 'parked' and redis.call('ZSCORE', PARKED, ref .. '/list') then return 0 end
if state == 'listing' then return 0 end
redis.call('HSET', row, 'id', ARGV[3], 'state', 'listing', 'cursor', '', 'pages', 0, 'attempts', 0, 'tallied', '', 'at', now,
  'kept_ms', ARGV[6])
redis.call('PERSIST', row)
redis.call('DEL', BEGUN .. ref)
local due = counted_at and math.min(tonumber(counted_at), now) + tonumber(ARGV[5]) or now
if due > now then
  redis.call('ZADD', SCANS, due, ref) -- the sweep wakes it
else
  redis.call('ZADD', SCANS, now + GRACE_MS, ref)
  wake_once(row, 'page_scan', ref, now, 5)
end
return 1
