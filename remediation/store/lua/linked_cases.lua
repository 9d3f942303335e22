-- with ticket_index.lua
-- The links that cases have to tickets of one tracker, page by page. ARGV: tracker, cursor ('' at the beginning), and about
-- how many tickets are looked at. Returns the next cursor ('' at the end), then three values for each link: the case's
-- reference, the link, and the case's memory in one piece ('' where it has none). The index keeps some tickets that were
-- deleted, or followed by another one: the case's own row decides.
-- What an earlier version kept is read first. What moves to the index meanwhile is read there, perhaps a second time.
local tracker, most = ARGV[1], tonumber(ARGV[3])
local place, cursor = string.match(ARGV[2], '^(%l+) (%d+)$')
local answer = {''}

local function memory_in(row)
  local pieces = {}
  local piece = redis.call('HGET', row, 'memory')
  while piece do
    pieces[#pieces + 1] = piece
    if string.sub(pieces[1], 1, 1) == '{' then break end -- an earlier version wrote it in one piece
    piece = redis.call('HGET', row, 'memory:' .. #pieces)
  end
  return table.concat(pieces)
end

local function tell(ref, digest)
  local link = redis.call('HGET', CASE .. ref, 'link:' .. tracker)
  if link and digest_of(cjson.decode(link)[1]) == digest then
    for _, each in ipairs({ref, link, memory_in(CASE .. ref)}) do answer[#answer + 1] = each end
  end
end

if place ~= 'index' and redis.call('EXISTS', TICKETS .. tracker) == 1 then
  local page = redis.call('HSCAN', TICKETS .. tracker, cursor or '0', 'COUNT', most)
  for i = 1, #page[2], 2 do tell(page[2][i + 1], digest_of(page[2][i])) end
  answer[1] = page[1] == '0' and 'index 0' or 'earlier ' .. page[1]
  return answer
end

local number, looked, buckets = place == 'index' and tonumber(cursor) or 0, 0, number_of_buckets(tracker)
while number < buckets and looked < most do
  for _, each in ipairs(cases_in_bucket(tracker, number)) do
    tell(each.ref, each.digest)
    looked = looked + 1
  end
  number, looked = number + 1, looked + 1 -- a bucket may be empty, and most are after a tracker was renamed
end
if number < buckets then answer[1] = 'index ' .. number end
return answer
