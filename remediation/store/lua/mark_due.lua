-- Mark the cases whose appointment has come. ARGV: now, how many at the most. Returns how many had come, twice: as sweep.lua.
-- The row keeps the time of the appointment until a look has dealt with it.
local now = tonumber(ARGV[1])
local due = redis.call('ZRANGEBYSCORE', APPOINTMENTS, 0, now, 'WITHSCORES', 'LIMIT', 0, ARGV[2])
for i = 1, #due, 2 do
  local ref = due[i]
  redis.call('ZREM', APPOINTMENTS, ref)
  local id = redis.call('HGET', CASE .. ref, 'id')
  if id then
    redis.call('HSET', CASE .. ref, 'came_due', due[i + 1])
    mark(ref, id, now, -1, 'appointment')
  end
end
return {#due / 2, #due / 2}
