-- Ask that a task ends before it is through. ARGV: id, who. Returns 1; 0 where it does not run.
local task = NOTED.TASK .. ARGV[1]
if redis.call('HGET', task, 'state') ~= 'running' then return 0 end
redis.call('HSETNX', task, 'stop', ARGV[2])
return 1
