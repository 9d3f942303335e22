-- Delete rows of a feed's incidents, and what was decided and told about each that no other feed of the district shows.
-- ARGV: feed, district, where (a cursor of HSCAN) the search for more goes on, 0 at its end, now, the id of the data key
-- with which the rows that stay are sealed, how many rows the line of the audit speaks of, this line or '', how many other
-- feeds follow, these, then name and row of each incident. A row that has changed since it was read stays.
-- Returns how many of them have not changed. Where that is another number than the line's, nothing is done.
local row, others, unchanged = FEED .. ARGV[1], tonumber(ARGV[8]), {}

local function is_elsewhere(name)
  for i = 9, 8 + others do
    if redis.call('HEXISTS', INCIDENTS .. ARGV[i], name) == 1 then return true end
  end
  return false
end

for i = 9 + others, #ARGV, 2 do
  if redis.call('HGET', INCIDENTS .. ARGV[1], ARGV[i]) == ARGV[i + 1] then unchanged[#unchanged + 1] = ARGV[i] end
end
if #unchanged ~= tonumber(ARGV[6]) then return #unchanged end
for _, name in ipairs(unchanged) do
  redis.call('HDEL', INCIDENTS .. ARGV[1], name)
  if not is_elsewhere(name) then
    redis.call('HDEL', DECISIONS .. ARGV[2], name)
    redis.call('HDEL', INCIDENTS_TOLD .. ARGV[2], name)
  end
end
if (redis.call('HGET', row, 'forget_from') or '0') == '0' then redis.call('HSET', row, 'sealing_with', ARGV[5]) end
redis.call('HSET', row, 'forget_from', ARGV[3])
if ARGV[3] == '0' then
  local is_one_key = redis.call('HGET', row, 'sealing_with') == ARGV[5]
  redis.call('HSET', row, 'forgotten_at', ARGV[4], 'sealed_with', is_one_key and ARGV[5] or '')
end
if #unchanged > 0 then shred(#unchanged) end
note_line(ARGV[7])
return #unchanged
