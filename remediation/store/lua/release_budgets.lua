-- with tracker_budgets.lua, budgets.lua
-- Wake cases that wait for budgets in which there is something again. ARGV: now. Returns how many, and how many budgets are
-- waited for then.
local woken, waited_for = 0, 0
for _, all in ipairs({BUDGETING.ALL, BUDGETING.TRACKERS}) do
  for _, budget in ipairs(redis.call('SMEMBERS', all)) do
    woken = woken + release_waiting(budget, tonumber(ARGV[1]))
    waited_for = waited_for + redis.call('EXISTS', BUDGETING.WAITS .. budget)
    if redis.call('EXISTS', BUDGETING.ROW .. budget, BUDGETING.WAITS .. budget) == 0 then redis.call('SREM', all, budget) end
  end
end
return {woken, waited_for}
