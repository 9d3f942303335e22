-- Budgets of trackers, which are counted here, because not every answer says how much remains. A budget is named
-- `<tracker>/<limit>`. Its row has `counted`; and where a limit was told, `limit`, and `fill`, how many requests come back with
-- the end of each `window` (ms; in a fixed window, all), which next is at `reset` (ms, by Redis's clock); `spent`, how many were
-- sent; and `held`, how many are reserved for looks. BUDGET_OUT has these as `<count>:<name of the look>`, by when (ms).
-- `closed` and `refused` are as in budgets.lua. `poll_at` (ms) is when a list of changes may be read again.
local tracker_budgets = {}

function tracker_budgets.is_one(budget)
  return redis.call('HEXISTS', BUDGETING.ROW .. budget, 'counted') == 1
end

-- How many requests a look is given at once.
function tracker_budgets.a_look(limit)
  return math.max(1, math.min(BUDGETING.MOST_A_LOOK, math.floor(limit * BUDGETING.LOOK_SHARE)))
end

-- End the reservations that nobody came back from, and give back what the end of windows gives. What a look held may have been
-- sent; what was only kept for a case that was woken has not.
function tracker_budgets.catch_up(budget, now)
  local row, out = BUDGETING.ROW .. budget, BUDGETING.OUT .. budget
  for _, each in ipairs(redis.call('ZRANGEBYSCORE', out, '-inf', now - BUDGETING.HELD_MS)) do
    local count = each:match('^%d+')
    redis.call('ZREM', out, each)
    redis.call('HINCRBY', row, 'held', -count)
    if not each:match('^%d+:for:') then redis.call('HINCRBY', row, 'spent', count) end
  end
  if redis.call('EXISTS', out) == 0 then redis.call('HSET', row, 'held', 0) end
  local window, fill, reset, spent = unpack(redis.call('HMGET', row, 'window', 'fill', 'reset', 'spent'))
  if reset and tonumber(reset) <= now then
    local times = math.floor((now - reset) / window) + 1
    redis.call('HSET', row, 'spent', string.format('%d', math.max(0, (spent or 0) - times * fill)),
      'reset', string.format('%d', reset + times * window))
  end
end

-- How many more requests may be sent now, and when (ms) there are more.
function tracker_budgets.left(budget, urgent, now)
  tracker_budgets.catch_up(budget, now)
  local limit, window, reset, spent, held, closed =
    unpack(redis.call('HMGET', BUDGETING.ROW .. budget, 'limit', 'window', 'reset', 'spent', 'held', 'closed'))
  if tonumber(closed or '0') > now then return 0, tonumber(closed) end
  if not limit then return math.huge, now end
  reset = tonumber(reset)
  local all = urgent or reset - now <= window * BUDGETING.LAST_SHARE
  local kept = all and 0 or math.ceil(limit * BUDGETING.KEPT_SHARE)
  return limit - (spent or 0) - (held or 0) - kept, reset
end

-- What is kept for a case that was woken: the member of BUDGET_OUT, and how many requests.
function tracker_budgets.granted(budget, ref)
  for count = 1, BUDGETING.MOST_A_LOOK do
    local member = count .. ':for:' .. ref
    if redis.call('ZSCORE', BUDGETING.OUT .. budget, member) then return member, count end
  end
end

-- Reserve requests under this name. Returns how many: 0 where nothing limits them now; nil where there is no room.
function tracker_budgets.take(budget, name, urgent, now)
  local left = tracker_budgets.left(budget, urgent, now)
  local limit = redis.call('HGET', BUDGETING.ROW .. budget, 'limit')
  if not limit then return left > 0 and 0 or nil end
  local count = tracker_budgets.a_look(tonumber(limit))
  if left < count then return nil end
  redis.call('ZADD', BUDGETING.OUT .. budget, now, count .. ':' .. name)
  redis.call('PEXPIRE', BUDGETING.OUT .. budget, BUDGETING.BUDGET_MS)
  redis.call('HINCRBY', BUDGETING.ROW .. budget, 'held', count)
  return count
end

-- Give back what is kept for a case.
function tracker_budgets.give_back(budget, ref)
  local member, count = tracker_budgets.granted(budget, ref)
  if not member then return end
  redis.call('ZREM', BUDGETING.OUT .. budget, member)
  redis.call('HINCRBY', BUDGETING.ROW .. budget, 'held', -count)
end

-- Since when (ms) a case counts as waiting. Districts take turns: each further case of a district, and one that is no worse
-- than those, counts as having come later by the time that one look's requests take to come back.
function tracker_budgets.turn_of(budget, ref, band, since)
  local limit, window, fill = unpack(redis.call('HMGET', BUDGETING.ROW .. budget, 'limit', 'window', 'fill'))
  local turns, district = BUDGETING.TURNS .. budget, district_of(ref)
  if redis.call('EXISTS', BUDGETING.WAITS .. budget) == 0 then redis.call('DEL', turns) end
  if not limit then return since end
  local turn = since
  for each = band, BUDGETING.URGENT_BAND do
    local last = redis.call('HGET', turns, each .. ':' .. district)
    if last then turn = math.max(turn, last + window / fill * tracker_budgets.a_look(tonumber(limit))) end
  end
  redis.call('HSET', turns, band .. ':' .. district, string.format('%d', turn))
  redis.call('PEXPIRE', turns, BUDGETING.BUDGET_MS)
  return turn
end
