-- with tracker_budgets.lua, budgets.lua
-- Wake cases that wait for budgets in which there is something again. ARGV: now. Returns how many.
local woken = 0
for _, all in ipairs({BUDGETING.ALL, BUDGETING.TRACKERS}) do
  for _, budget in ipairs(redis.call('SMEMBERS', all)) do
    woken = woken + release_waiting(budget, tonumber(ARGV[1]))
    if redis.call('EXISTS', BUDGETING.ROW .. budget, BUDGETING.WAITS .. budget) == 0 then redis.call('SREM', all, budget) end
  end
end
return woken
