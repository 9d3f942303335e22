-- Tell how far a task is. ARGV: id, now, how long (ms) it is kept, its state, then what became of its pieces and how many.
-- Returns 1 where it is to be stopped: somebody wants that, or it is not known any more; otherwise 0.
local task = NOTED.TASK .. ARGV[1]
if redis.call('EXISTS', task) == 0 then return 1 end
redis.call('HSET', task, 'told', ARGV[2], 'state', ARGV[4])
for i = 5, #ARGV, 2 do redis.call('HSET', task, 'became:' .. ARGV[i], ARGV[i + 1]) end
redis.call('PEXPIRE', task, tonumber(ARGV[3]))
redis.call('ZADD', NOTED.TASKS, ARGV[2], ARGV[1])
redis.call('PEXPIRE', NOTED.TASKS, tonumber(ARGV[3]))
return redis.call('HEXISTS', task, 'stop')
