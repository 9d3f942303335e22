-- Every tracker that was heard of. ARGV: how many tickets of each are looked at. Returns four things for each: its name,
-- when (ms) a worker last found it in mappings.yaml, how many cases have a ticket there, and how many are held up.
local most, answer = tonumber(ARGV[1]), {}

-- The list of tickets keeps some that were deleted, or followed by another one: the case's own row decides. Where it is
-- longer than is looked at, its beginning tells the share: that is by chance, as hashes have no order.
local function cases_of(tracker)
  local list, cursor, looked, count, known = TICKETS .. tracker, '0', 0, 0, {}
  repeat
    local page = redis.call('HSCAN', list, cursor, 'COUNT', 100)
    cursor = page[1]
    for i = 2, #page[2], 2 do
      local ref = page[2][i]
      if not known[ref] and redis.call('HEXISTS', CASE .. ref, 'link:' .. tracker) == 1 then count = count + 1 end
      known[ref] = true
      looked = looked + 1
    end
  until cursor == '0' or looked >= most
  if cursor == '0' then return count end
  return math.floor(redis.call('HLEN', list) * count / looked + 0.5)
end

for _, name in ipairs(redis.call('HKEYS', TRACKERS)) do
  local at = redis.call('HGET', TRACKERS, name)
  local held = redis.call('ZCARD', UNNAMED .. name)
  for _, each in ipairs({name, at, tostring(cases_of(name)), tostring(held)}) do answer[#answer + 1] = each end
end
return answer
