-- with tracker_budgets.lua, budgets.lua
-- Take the lease on a dirty case. ARGV: reference, token, now, whether it would be tried alone, time to live (ms).
-- Returns the row, or 'clean', 'busy' or 'suspect'.
-- Fields are added to the row: when this Redis was first used (of what was before, it may know nothing), up to which end (ms)
-- cases were forgotten, the case's crashes, and its appointment.
local ref, token, now = ARGV[1], ARGV[2], tonumber(ARGV[3])
if not redis.call('ZSCORE', DIRTY, ref) then return 'clean' end
if redis.call('EXISTS', LEASE .. ref) == 1 and not holds(ref, token) then return 'busy' end
if not begin(ref, token, now, ARGV[4] == '1') then
  redis.call('ZADD', DIRTY, 'XX', 'LT', now + SUSPECT_MS, ref)
  return 'suspect'
end
redis.call('SET', LEASE .. ref, token, 'PX', ARGV[5])
redis.call('ZREM', NOT_FOUND .. district_of(ref), ref .. '/look') -- what it is, this look says
redis.call('ZADD', DIRTY, 'XX', now + GRACE_MS, ref) -- the sweep wakes it again if its worker dies
local budget = redis.call('HGET', CASE .. ref, 'budget')
if budget then no_longer_waits(ref, budget) end
local born = beginning(now)
redis.call('HDEL', CASE .. ref, 'noted') -- this look sees what it was
redis.call('HSET', CASE .. ref, 'begun', math.floor(now / 1000))
local row = redis.call('HGETALL', CASE .. ref)
-- An intent in the future was written by a Redis whose clock was ahead of this one's: it counts as one of now.
for i = 1, #row, 2 do
  if row[i]:sub(1, 7) == 'intent:' and tonumber(row[i + 1]) * 1000 > now then
    row[i + 1] = tostring(now / 1000)
    redis.call('HSET', CASE .. ref, row[i], row[i + 1])
  end
end
row = with_crashes(row, ref)
row[#row + 1] = 'born'
row[#row + 1] = string.format('%.0f', born)
row[#row + 1] = 'forgotten'
row[#row + 1] = redis.call('HGET', FORGETTING, 'forgotten') or '0'
local look_at = redis.call('ZSCORE', APPOINTMENTS, ref)
if look_at then
  row[#row + 1] = 'look_at'
  row[#row + 1] = look_at
end
return row
