-- with tracker_budgets.lua, budgets.lua
-- Wake cases that wait for budgets in which there is something again. ARGV: now. Returns how many.
local woken = 0
for _, budget in ipairs(redis.call('SMEMBERS', BUDGETING.ALL)) do
  woken = woken + release_waiting(budget, tonumber(ARGV[1]))
  if redis.call('EXISTS', BUDGETING.ROW .. budget, BUDGETING.WAITS .. budget) == 0 then redis.call('SREM', BUDGETING.ALL, budget) end
end
return woken
