-- with ticket_index.lua
-- How many cases have a ticket in a tracker. ARGV: tracker, and about how many tickets are looked at.
-- The index keeps some tickets that were deleted, or followed by another one: the case's own row decides. Where it has more
-- tickets than are looked at, the share among the first ones is taken for all: their order is by digest, and so by chance.
local tracker, most = ARGV[1], tonumber(ARGV[2])
local looked, count, known = 0, 0, {}
local function look_at(ref)
  if not known[ref] and redis.call('HEXISTS', CASE .. ref, 'link:' .. tracker) == 1 then count = count + 1 end
  known[ref] = true
  looked = looked + 1
end
local tickets = count_of_tickets(tracker)
local number, buckets, cursor = 0, tickets > 0 and number_of_buckets(tracker) or 0, '0'
while number < buckets and looked < most and number < most do -- after a tracker was renamed, most buckets are empty
  for _, each in ipairs(cases_in_bucket(tracker, number)) do look_at(each.ref) end
  number = number + 1
end
repeat -- what an earlier version kept
  local page = redis.call('HSCAN', TICKETS .. tracker, cursor, 'COUNT', 100)
  cursor = page[1]
  for i = 2, #page[2], 2 do look_at(page[2][i]) end
until cursor == '0' or looked >= most
if number == buckets and cursor == '0' then return count end
local share = looked > 0 and count / looked or 1
return math.floor((tickets + redis.call('HLEN', TICKETS .. tracker)) * share + 0.5)
