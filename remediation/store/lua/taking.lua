-- What scripts share that take up work without a lease: deliveries, and the pages of scans.

-- Take up a delivery, or the next page of a scan, under `token`. `alone` says whether it would be tried alone, `lasts` for how
-- long (ms) after it was taken up a worker may still be at work. Returns the row with its crashes, or 'done' or 'suspect'.
local function take_up(ref, token, now, alone, delivery, lasts)
  local list, row, name = SCANS, SCAN .. ref, ref
  if delivery then list, row, name = PENDING, INBOX .. ref, 'delivery/' .. ref end
  if redis.call('HEXISTS', row, delivery and 'state' or 'id') == 0 then -- the row has expired; a wake-up may have written a field
    redis.call('ZREM', list, ref)
    if delivery then redis.call('ZREM', PENDING_SINCE, ref) end
    redis.call('DEL', row)
    return 'done'
  end
  if redis.call('HGET', row, 'state') ~= (delivery and 'received' or 'listing') then return 'done' end
  local at = tonumber(redis.call('HGET', BEGUN .. name, 'at') or '0')
  if now - at >= lasts and not begin(name, token, now, alone) then
    redis.call('ZADD', list, 'XX', 'LT', now + SUSPECT_MS, ref)
    return 'suspect'
  end
  redis.call('ZADD', list, 'XX', now + GRACE_MS, ref) -- the sweep wakes it again if its worker dies
  return with_crashes(redis.call('HGETALL', row), name)
end

-- The worker that took this work up under `token` is alive, whatever the result of the work is. Another worker may have taken
-- the work up since, and have counted this worker as dead: that count is corrected.
local function let_go(name, token)
  local key = BEGUN .. name
  if redis.call('HGET', key, 'token') == token then
    broken_off(name)
  elseif redis.call('HGET', key, 'blamed') == token then
    redis.call('HDEL', key, 'blamed')
    redis.call('HINCRBY', key, 'crashes', -1)
  end
end
