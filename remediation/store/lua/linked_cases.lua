-- Finds the links that cases have to tickets of one tracker, page by page. ARGV: tracker, cursor, how many tickets are
-- looked at (about). Returns the next cursor ('0' at the end), then three things for each link: the case's reference, the
-- link, and what the case remembers, its pieces together; empty where it remembers nothing. The list of tickets keeps some
-- that were deleted, or followed by another one: the case's own row decides.
local tracker = ARGV[1]
local page = redis.call('HSCAN', TICKETS .. tracker, ARGV[2], 'COUNT', ARGV[3])
local answer = {page[1]}

local function memory_in(row)
  local pieces = {}
  local piece = redis.call('HGET', row, 'memory')
  while piece do
    pieces[#pieces + 1] = piece
    if string.sub(pieces[1], 1, 1) == '{' then break end -- an earlier version wrote it: in one piece
    piece = redis.call('HGET', row, 'memory:' .. #pieces)
  end
  return table.concat(pieces)
end

for i = 1, #page[2], 2 do
  local ref = page[2][i + 1]
  local link = redis.call('HGET', CASE .. ref, 'link:' .. tracker)
  if link and cjson.decode(link)[1] == page[2][i] then
    for _, each in ipairs({ref, link, memory_in(CASE .. ref)}) do answer[#answer + 1] = each end
  end
end
return answer
