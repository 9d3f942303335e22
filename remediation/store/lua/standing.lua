-- How cases stand. ARGV: references. Returns four things for each: 'settled', 'waiting', 'held' or 'put_off'; when (ms)
-- the sweep looks after it; its parked actions, joined by spaces; and the trackers that hold it up (see note_unnamed.lua).
local answer = {}
for _, ref in ipairs(ARGV) do
  local row, due, parked = CASE .. ref, redis.call('ZSCORE', DIRTY, ref), {}
  local word = 'waiting'
  if not due then
    word = 'settled'
  elseif redis.call('EXISTS', LEASE .. ref) == 1 then
    word = 'held'
  else
    local gen, looked = unpack(redis.call('HMGET', row, 'gen', 'looked'))
    if gen == looked then word = 'put_off' end
  end
  for _, field in ipairs(redis.call('HKEYS', row)) do
    if string.sub(field, 1, 7) == 'parked:' then parked[#parked + 1] = string.sub(field, 8) end
  end
  answer[#answer + 1] = word
  answer[#answer + 1] = due or '0'
  answer[#answer + 1] = table.concat(parked, ' ')
  answer[#answer + 1] = redis.call('HGET', row, 'unnamed') or ''
end
return answer
