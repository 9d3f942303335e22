-- Begin what somebody has chosen, once. ARGV: id, who, a name of this call, now, how long (ms) a task is kept, and how many are
-- kept at the most (the newest). Returns the fields and values of the selection. Nothing where it is over, another person's,
-- or was begun by another call: a call whose answer was lost may be repeated for a minute.
local id, who, call, now, lifetime = ARGV[1], ARGV[2], ARGV[3], ARGV[4], tonumber(ARGV[5])
local REPEATED_MS = 60000
local row, task = NOTED.SELECTION .. id, NOTED.TASK .. id
local owner, used = unpack(redis.call('HMGET', row, 'who', 'used'))
if owner ~= who or (used and used ~= call) then return {} end
if not used then
  redis.call('HSET', row, 'used', call)
  redis.call('PEXPIRE', row, REPEATED_MS)
  local act, choice, count = unpack(redis.call('HMGET', row, 'act', 'choice', 'count'))
  redis.call('HSET', task, 'act', act, 'who', who, 'choice', choice, 'count', count, 'state', 'running', 'began', now, 'told', now)
  redis.call('PEXPIRE', task, lifetime)
  redis.call('ZREMRANGEBYSCORE', NOTED.TASKS, '-inf', now - lifetime)
  redis.call('ZADD', NOTED.TASKS, now, id)
  redis.call('PEXPIRE', NOTED.TASKS, lifetime)
  for _, each in ipairs(redis.call('ZRANGE', NOTED.TASKS, 0, -1 - tonumber(ARGV[6]))) do
    redis.call('ZREM', NOTED.TASKS, each)
    redis.call('DEL', NOTED.TASK .. each)
  end
end
return redis.call('HGETALL', row)
