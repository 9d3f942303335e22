-- with parked_counts.lua
-- What parked work is set aside for. Returns seven things for each cause: kind, error, system, HTTP status or '', how many there
-- are, and when (ms) the first and the last was set aside.
local found, order = {}, {}
for _, each in ipairs(counted_parked(true)) do
  local parts = {each.kind, each.fault, each.system, each.status}
  local name = table.concat(parts, '\n')
  local cause = found[name]
  if not cause then
    cause = {parts = parts, count = 0, first = each.first, last = each.last}
    found[name] = cause
    order[#order + 1] = cause
  end
  cause.count = cause.count + each.count
  if tonumber(each.first) < tonumber(cause.first) then cause.first = each.first end
  if tonumber(each.last) > tonumber(cause.last) then cause.last = each.last end
end
local answer = {}
for _, cause in ipairs(order) do
  for _, part in ipairs(cause.parts) do answer[#answer + 1] = part end
  answer[#answer + 1] = tostring(cause.count)
  answer[#answer + 1] = cause.first
  answer[#answer + 1] = cause.last
end
return answer
