-- with tracker_budgets.lua, budgets.lua
-- Requests to a tracker were sent, and answered or not. ARGV: now, '1' where they read a list of changes, and eleven for each
-- budget: its name, the name of the look, how many it had reserved (0: none), how many it sent; and what was told: the limit,
-- how long (ms) its window is, how many come back with its end, when (ms, by Redis's clock) that is, how many remain, and for
-- how many ms nothing more is taken, at the least; then when (ms) that was said ('' where nothing was said, each). Wakes
-- cases that wait, where there is room now. Returns how many.
local now, woken = tonumber(ARGV[1]), 0

local function end_reservation(budget, name, count, sent)
  local row = BUDGETING.ROW .. budget
  if count == 0 then
    redis.call('HINCRBY', row, 'spent', sent)
  elseif redis.call('ZREM', BUDGETING.OUT .. budget, count .. ':' .. name) == 1 then
    redis.call('HINCRBY', row, 'held', -count)
    redis.call('HINCRBY', row, 'spent', sent)
  else -- it had lapsed, and all of it was counted as sent
    local spent = tonumber(redis.call('HGET', row, 'spent') or '0')
    redis.call('HSET', row, 'spent', string.format('%d', math.max(0, spent - count + sent)))
  end
end

-- Both sides' times are in whole seconds, and none is too early: of two about one end, the earlier is closer to it.
local function take_told(row, limit, window, fill, at, remaining, answered)
  if tonumber(at) <= now then return end -- of a window that is over
  local known = tonumber(redis.call('HGET', row, 'reset') or at)
  local reset = math.abs(at - known) < 2000 and math.min(at, known) or at
  redis.call('HSET', row, 'limit', limit, 'window', window, 'fill', fill, 'reset', string.format('%d', reset), 'at', now)
  if remaining ~= '' and tonumber(answered) >= tonumber(redis.call('HGET', row, 'told_at') or '0') then
    redis.call('HSET', row, 'spent', math.max(0, limit - remaining), 'told_at', answered)
  end
end

local function poll_later(row, sent)
  local window, fill, before = unpack(redis.call('HMGET', row, 'window', 'fill', 'poll_at'))
  if not window then return end
  local takes = sent * window / (fill * BUDGETING.POLL_SHARE)
  redis.call('HSET', row, 'poll_at', string.format('%d', math.max(now, tonumber(before or '0')) + takes))
end

for i = 3, #ARGV, 11 do
  local budget, name, count, sent, limit, window, fill, at, remaining, closed, answered = unpack(ARGV, i, i + 10)
  local row = BUDGETING.ROW .. budget
  if redis.call('HSETNX', row, 'counted', 1) == 1 then redis.call('DEL', BUDGETING.OUT .. budget) end
  tracker_budgets.catch_up(budget, now)
  end_reservation(budget, name, tonumber(count), tonumber(sent))
  if limit ~= '' then take_told(row, limit, window, fill, at, remaining, answered) end
  if closed ~= '' then
    close_budget(row, tonumber(closed), now)
  elseif answered ~= '' then
    redis.call('HDEL', row, 'refused')
  end
  if ARGV[2] == '1' then poll_later(row, tonumber(sent)) end
  redis.call('SADD', BUDGETING.TRACKERS, budget)
  woken = woken + release_waiting(budget, now)
  local ends_in = tonumber(redis.call('HGET', row, 'closed') or '0') - now
  if redis.call('HEXISTS', row, 'limit') == 1 then
    redis.call('PEXPIRE', row, BUDGETING.BUDGET_MS)
  elseif closed == '' and ends_in <= 0 and redis.call('EXISTS', BUDGETING.WAITS .. budget) == 0 then
    redis.call('DEL', row) -- it takes requests again, and nobody waits: there is nothing to be asked about any more
    redis.call('SREM', BUDGETING.TRACKERS, budget)
  else
    redis.call('PEXPIRE', row, math.max(0, ends_in) + BUDGETING.REFUSED_MS)
  end
end
return woken
