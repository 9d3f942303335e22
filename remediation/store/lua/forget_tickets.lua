-- with ticket_index.lua
-- Delete entries of a tracker's index that lead to cases of which no row is left, some buckets at a time. ARGV: tracker, the
-- first bucket, how many buckets, then the references of these cases, or names of districts, whose cases all count.
-- Keys of such tickets lead nowhere then. What an earlier version kept is moved to the index first, some with each call.
-- Returns the next bucket, -1 at the end, and how many were deleted.
local tracker, number, meant, count = ARGV[1], tonumber(ARGV[2]), {}, 0
local until_bucket = number + tonumber(ARGV[3])
for i = 4, #ARGV do meant[ARGV[i]] = true end
if move_earlier(tracker, 500) > 0 then return {number, 0} end

local function is_left_over(ref)
  return (meant[ref] or meant[district_of(ref)]) and redis.call('EXISTS', CASE .. ref) == 0
end

-- How many tickets an index has is counted by place, which a digest does not tell: exactly where there is one place.
local function count_one_less()
  local places = {}
  for _, name in ipairs(redis.call('HKEYS', INDEX .. tracker)) do
    if string.sub(name, 1, 8) == 'tickets:' then places[#places + 1] = name end
  end
  if #places == 1 then redis.call('HINCRBY', INDEX .. tracker, places[1], -1) end
end

while number < number_of_buckets(tracker) and number < until_bucket do
  local place = bucket(tracker, number)
  local entries = redis.call('HGETALL', place)
  for i = 1, #entries, 2 do
    local kind, digest, ref = string.sub(entries[i], 1, 1), string.sub(entries[i], 2), entries[i + 1]
    if kind ~= VERSION_BY_ID and #ref > DIGEST_BYTES and is_left_over(ref) then
      redis.call('HDEL', place, entries[i])
      if kind == CASE_BY_ID then
        take_from_index(tracker, VERSION_BY_ID, digest)
        count_one_less()
      end
      count = count + 1
    end
  end
  number = number + 1
end
return {number < number_of_buckets(tracker) and number or -1, count}
