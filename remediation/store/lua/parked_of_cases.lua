-- How much of each case is parked and waits for a person's decision. ARGV: references. Returns a number for each; -1 where
-- nothing is known of the case.
local answer = {}
for i, ref in ipairs(ARGV) do
  local fields, has = redis.call('HKEYS', CASE .. ref), {}
  for _, field in ipairs(fields) do has[field] = true end
  local count = #fields > 0 and 0 or -1
  for _, field in ipairs(fields) do
    local action = string.match(field, '^parked:(.*)$')
    if action and not has['given_up:' .. action] then count = count + 1 end
  end
  answer[i] = count
end
return answer
