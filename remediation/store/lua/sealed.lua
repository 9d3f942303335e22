-- The data keys with which unread deliveries, parked work, incidents and what was told of them are sealed. ARGV: about how
-- many of each list are looked at. Returns four values for each key: its id, how many values it seals, and the row and the field of one of these.
local counts, rows, fields, answer = {}, {}, {}, {}

local function note(row, field)
  local key = string.match(redis.call('HGET', row, field) or '', '^([%w_.%-]+):')
  if not key then return end
  counts[key] = (counts[key] or 0) + 1
  rows[key], fields[key] = row, field
end

for _, id in ipairs(redis.call('ZRANGE', PENDING, 0, ARGV[1] - 1)) do note(INBOX .. id, 'body') end
for _, name in ipairs(redis.call('ZREVRANGE', PARKED, 0, ARGV[1] - 1)) do
  note(PARKED_ROW .. name, 'words')
  local id = string.match(name, '^delivery/(.+)$')
  if id then note(INBOX .. id, 'body') end
end

local function note_some_of(row)
  local names = redis.call('HSCAN', row, 0, 'COUNT', ARGV[1])[2]
  for i = 1, #names, 2 do note(row, names[i]) end
end

local districts = {}
for _, feed in ipairs(redis.call('HKEYS', FEEDS)) do
  note_some_of(INCIDENTS .. feed)
  districts[string.match(feed, '^[^/]*')] = true
end
for district in pairs(districts) do note_some_of(INCIDENTS_TOLD .. district) end
for key, count in pairs(counts) do
  for _, each in ipairs({key, tostring(count), rows[key], fields[key]}) do answer[#answer + 1] = each end
end
return answer
