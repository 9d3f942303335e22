-- Ask that a task ends before it is through. ARGV: id, who, and a line of the audit, which is added where nobody has asked that
-- before. Returns 1; 0 where it does not run.
local task = NOTED.TASK .. ARGV[1]
if redis.call('HGET', task, 'state') ~= 'running' then return 0 end
if redis.call('HSETNX', task, 'stop', ARGV[2]) == 1 then note_line(ARGV[3]) end
return 1
