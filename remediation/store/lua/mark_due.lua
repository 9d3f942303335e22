-- Mark the cases whose appointment has come. ARGV: now, how many at the most. Answers how many were marked.
local now = tonumber(ARGV[1])
local due = redis.call('ZRANGEBYSCORE', APPOINTMENTS, 0, now, 'LIMIT', 0, ARGV[2])
for _, ref in ipairs(due) do
  redis.call('ZREM', APPOINTMENTS, ref)
  local id = redis.call('HGET', CASE .. ref, 'id')
  if id then mark(ref, id, now, -1, 'appointment') end
end
return #due
