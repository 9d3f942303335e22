-- What parked work is set aside for, of the newest of it. ARGV: the most that is looked at. Returns seven things for each
-- cause: kind, error, system, HTTP status or '', how many there are, and when (ms) the first and the last was set aside.
local found, order = {}, {}
local flat = redis.call('ZREVRANGE', PARKED, 0, tonumber(ARGV[1]) - 1, 'WITHSCORES')
for i = 1, #flat, 2 do
  local kind, fault, system, status =
    unpack(redis.call('HMGET', PARKED_ROW .. flat[i], 'kind', 'error', 'system', 'status'))
  if kind then
    local cause = {kind, fault or '', system or '', status or ''}
    local name = table.concat(cause, '\n')
    if not found[name] then
      found[name] = {cause = cause, count = 0, last = flat[i + 1]}
      order[#order + 1] = name
    end
    found[name].count = found[name].count + 1
    found[name].first = flat[i + 1]
  end
end
local answer = {}
for _, name in ipairs(order) do
  local each = found[name]
  for _, part in ipairs(each.cause) do answer[#answer + 1] = part end
  answer[#answer + 1] = tostring(each.count)
  answer[#answer + 1] = each.first
  answer[#answer + 1] = each.last
end
return answer
