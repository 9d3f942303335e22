-- with tracker_budgets.lua, budgets.lua
-- Reserve one request. ARGV: budget, the reference of the case or scan that it is for, a name for it, now, and '1' where the
-- work is urgent whatever its case is. A case that was woken for it has its request already; others come behind those that
-- wait. Returns 1, or 0, in how many ms there may be more, how many cases wait, and the limit (0: unknown).
local budget, ref, name, now = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4])
local out = BUDGETING.OUT .. budget
if redis.call('ZSCORE', out, name) then return {1, 0, 0, 0} end -- asked again, as the answer was lost
local granted = redis.call('ZSCORE', out, 'for:' .. ref)
if granted and tonumber(granted) > now - BUDGETING.RESERVED_MS then
  redis.call('ZREM', out, 'for:' .. ref)
  redis.call('ZADD', out, now, name)
  return {1, 0, 0, 0}
end
release_waiting(budget, now)
local urgent = ARGV[5] == '1' or band_of(CASE .. ref) >= BUDGETING.URGENT_BAND
if take_from(budget, name, urgent, now) then return {1, 0, 0, 0} end
local _, more_at = left_of(budget, urgent, now)
local limit = tonumber(redis.call('HGET', BUDGETING.ROW .. budget, 'limit') or '0')
return {0, math.max(0, more_at - now), redis.call('ZCARD', BUDGETING.WAITS .. budget), limit}
