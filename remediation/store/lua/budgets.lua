-- Budgets: how many requests a system still takes, as its answers say, and who waits for them. Those of trackers are counted in
-- another way (see tracker_budgets.lua). One of SchoolScan's is named `<system>/read` or `<system>/write`.
-- Its row has what the newest answer said: `limit`, `remaining`, `told` (the reset as it stood there) and `reset`, the same by
-- Redis's clock (ms), never earlier than it is; and `closed`, until when (ms) it was refused. BUDGET_OUT has the requests that
-- are reserved and not answered, by when (ms): they may not be counted in `remaining` yet.

-- How many requests are kept for urgent work.
local function reserve_of(limit)
  return math.ceil(limit * BUDGETING.RESERVE_SHARE)
end

-- How many more requests of a budget may be sent now, and when (ms) there are more.
local function left_of(budget, urgent, now)
  local row, out = BUDGETING.ROW .. budget, BUDGETING.OUT .. budget
  redis.call('ZREMRANGEBYSCORE', out, '-inf', now - BUDGETING.RESERVED_MS)
  local limit, remaining, reset, at, closed =
    unpack(redis.call('HMGET', row, 'limit', 'remaining', 'reset', 'at', 'closed'))
  if tonumber(closed or '0') > now then return 0, tonumber(closed) end
  if not limit then -- nothing was ever told: a few requests ask
    if redis.call('HEXISTS', row, 'silent') == 1 then return 1, now end
    return BUDGETING.FIRST_AT_ONCE - redis.call('ZCARD', out), now + BUDGETING.PROBE_GAP_MS
  end
  local left, more_at = 1, now + BUDGETING.PROBE_GAP_MS -- the window is over, and nobody knows how much there is
  reset = tonumber(reset)
  if reset > now then
    local kept = (urgent or reset - now <= BUDGETING.LAST_MS) and 0 or reserve_of(tonumber(limit))
    left, more_at = tonumber(remaining) - redis.call('ZCARD', out) - kept, reset
    if now - tonumber(at) <= BUDGETING.PROBE_GAP_MS then return left, more_at end
  end
  -- What was told is old, and others may have spent since: one request asks. It is not waited for without end.
  local asks = redis.call('ZCOUNT', out, now - BUDGETING.PROBE_GAP_MS, '+inf') > 0
  if asks and left > 0 then return 0, now + BUDGETING.PROBE_GAP_MS end
  return math.min(left, 1), more_at
end

-- A request was refused: nothing more is taken for at least so many ms, and for longer with each refusal in a row. What is
-- refused while it is closed already was sent before: it is not the next one in a row.
local function close_budget(row, least, now)
  local closed = tonumber(redis.call('HGET', row, 'closed') or '0')
  if now - closed > BUDGETING.IN_A_ROW_MS then redis.call('HDEL', row, 'refused') end
  local times = redis.call('HINCRBY', row, 'refused', closed > now and 0 or 1)
  local own = math.min(BUDGETING.FIRST_CLOSED_MS * 2 ^ (times - 1), LONGEST_HOLD_MS)
  redis.call('HSET', row, 'closed', string.format('%d', math.max(closed, now + math.max(own, least))))
end

local function take_from(budget, name, urgent, now)
  if tracker_budgets.is_one(budget) then return tracker_budgets.take(budget, name, urgent, now) ~= nil end
  if left_of(budget, urgent, now) <= 0 then return false end
  redis.call('ZADD', BUDGETING.OUT .. budget, now, name)
  redis.call('PEXPIRE', BUDGETING.OUT .. budget, BUDGETING.RESERVED_MS)
  return true
end

-- Since when a case waits for a look that brings it to rest. A time in the future was written by a Redis whose clock was ahead of
-- this one's: it counts as now.
local function waits_since(ref, now)
  return math.min(tonumber(redis.call('ZSCORE', DIRTY_SINCE, ref) or now), now)
end

-- The place of a case among those that wait for a budget: worse ones first, and among equals those that wait longest.
-- A band is worth a head start, so that nothing waits for ever behind what is worse and new; only a critical case goes ahead
-- of all others.
local function rank_of(ref, budget, now)
  local band = band_of(CASE .. ref)
  local since = waits_since(ref, now)
  if tracker_budgets.is_one(budget) then since = tracker_budgets.turn_of(budget, ref, band, since) end
  return since - (band >= BUDGETING.URGENT_BAND and BUDGETING.URGENT_AHEAD_MS or band * BUDGETING.BAND_AHEAD_MS)
end

-- A case waits for this budget.
local function wait_for_budget(ref, budget, now)
  redis.call('HSET', CASE .. ref, 'budget', budget)
  redis.call('ZADD', BUDGETING.WAITS .. budget, rank_of(ref, budget, now), ref)
  redis.call('SADD', tracker_budgets.is_one(budget) and BUDGETING.TRACKERS or BUDGETING.ALL, budget)
end

local function no_longer_waits(ref, budget)
  redis.call('ZREM', BUDGETING.WAITS .. budget, ref)
  if redis.call('HGET', CASE .. ref, 'budget') == budget then redis.call('HDEL', CASE .. ref, 'budget') end
end

-- Wake the cases that wait for a budget, the first ones first, as many as it can pay for: each gets one of its requests, and
-- where that is a write, a read besides, because a look begins with one. In the queue it goes before equals that came after
-- it, also if they had no look yet: otherwise its request would lie unused until all of them had one. Returns how many were woken.
local function release_waiting(budget, now)
  local waits, woken, most = BUDGETING.WAITS .. budget, 0, BUDGETING.MOST_RELEASED
  if tracker_budgets.is_one(budget) then
    tracker_budgets.catch_up(budget, now)
    if redis.call('HEXISTS', BUDGETING.ROW .. budget, 'limit') == 0 then most = BUDGETING.FIRST_AT_ONCE end
  end
  while woken < most do
    local ref = redis.call('ZRANGE', waits, 0, 0)[1]
    if not ref then break end
    local row = CASE .. ref
    local band = band_of(row)
    local urgent, granted = band >= BUDGETING.URGENT_BAND, 'for:' .. ref
    if not redis.call('ZSCORE', DIRTY, ref) or redis.call('EXISTS', LEASE .. ref) == 1 then
      no_longer_waits(ref, budget) -- it is at rest or gone; or it is looked at, and asks itself
    elseif take_from(budget, granted, urgent, now) then
      local system, access = budget:match('^(.*)/(%a+)$')
      if access == 'write' then take_from(system .. '/read', granted, true, now) end
      no_longer_waits(ref, budget)
      redis.call('ZADD', DIRTY, now + GRACE_MS, ref)
      wake_once(row, 'look_at_case', ref, now, band, waits_since(ref, now))
      woken = woken + 1
    else
      break
    end
  end
  return woken
end
