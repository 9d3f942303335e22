-- with tracker_budgets.lua, budgets.lua
-- Reserve requests to a tracker for one look, in every budget that they count for, or in none. ARGV: the reference of the case
-- that it is for, a name for the look, now, '1' where the work is urgent whatever its case is, and the budgets. A case that was
-- woken for them has its requests already; others come behind those that wait. Returns 1 and how many were reserved in each (0:
-- nothing limits them); or 0, the budget that has no room, in how many ms there may be more, how many cases wait there, how many
-- cases a window serves (0: unknown), and how long (ms) one is.
local ref, name, now = ARGV[1], ARGV[2], tonumber(ARGV[3])
local urgent = ARGV[4] == '1' or band_of(CASE .. ref) >= BUDGETING.URGENT_BAND
for i = 5, #ARGV do
  local budget = ARGV[i]
  if tracker_budgets.is_one(budget) then
    release_waiting(budget, now)
    local left, more_at = tracker_budgets.left(budget, urgent, now)
    local limit, window, fill = unpack(redis.call('HMGET', BUDGETING.ROW .. budget, 'limit', 'window', 'fill'))
    local count = limit and tracker_budgets.a_look(tonumber(limit)) or 1
    local closed = tonumber(redis.call('HGET', BUDGETING.ROW .. budget, 'closed') or '0') > now
    if left < count and (closed or not tracker_budgets.granted(budget, ref)) then
      local waiting = redis.call('ZCARD', BUDGETING.WAITS .. budget)
      return {0, budget, math.max(0, more_at - now), waiting, limit and math.floor(fill / count) or 0, tonumber(window or 0)}
    end
  end
end
local answer = {1}
for i = 5, #ARGV do
  local budget, count = ARGV[i], 0
  if tracker_budgets.is_one(budget) then
    local member, kept = tracker_budgets.granted(budget, ref)
    if member then
      redis.call('ZREM', BUDGETING.OUT .. budget, member)
      redis.call('ZADD', BUDGETING.OUT .. budget, now, kept .. ':' .. name)
      count = kept
    else
      count = tracker_budgets.take(budget, name, urgent, now) or 0
    end
  end
  answer[#answer + 1] = count
end
return answer
