-- The links that cases have to tickets of one tracker, page by page. ARGV: tracker, cursor, how many tickets are looked
-- at (about). Returns the next cursor ('0' at the end), then three things for each link: the case's reference, the
-- link, and 1 where the case was at rest when it was last remembered: its finding is solved or gone, and this ticket is
-- done.
-- The list of tickets keeps some that were deleted or replaced; the case's own row decides.
local tracker = ARGV[1]
local page = redis.call('HSCAN', TICKETS .. tracker, ARGV[2], 'COUNT', ARGV[3])
local answer = {page[1]}

local function is_at_rest(memory)
  local kept = memory and cjson.decode(memory)
  return kept and (kept.finding == 'resolved' or kept.finding == 'gone') and kept.tickets[tracker] == 'done'
end

for i = 1, #page[2], 2 do
  local ref = page[2][i + 1]
  local link, memory = unpack(redis.call('HMGET', CASE .. ref, 'link:' .. tracker, 'memory'))
  if link and cjson.decode(link)[1] == page[2][i] then
    for _, each in ipairs({ref, link, is_at_rest(memory) and '1' or ''}) do answer[#answer + 1] = each end
  end
end
return answer
