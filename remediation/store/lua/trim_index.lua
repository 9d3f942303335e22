-- with ticket_index.lua
-- Take out of some buckets of a tracker's index what leads to no case: it was deleted, or never had a row. ARGV: tracker, number
-- of the first bucket, how many buckets. A version whose ticket is not linked goes, too: its next change is news then.
-- Where an earlier version has left tickets that are not in the index yet, only what leads to a deleted case goes.
-- Returns how many buckets the index has.
local tracker, first, count = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local is_whole = redis.call('EXISTS', TICKETS .. tracker) == 0
local places = {}
for _, field in ipairs(redis.call('HKEYS', INDEX .. tracker)) do
  if string.sub(field, 1, 8) == 'tickets:' then places[#places + 1] = field end
end

local function is_of_case(known)
  if known and #known > DIGEST_BYTES then return redis.call('EXISTS', CASE .. known) == 1 end
  local ref = known and indexed(tracker, CASE_BY_ID, known)
  return not is_whole or (ref and redis.call('EXISTS', CASE .. ref) == 1)
end

for number = first, math.min(first + count, number_of_buckets(tracker)) - 1 do
  local key = bucket(tracker, number)
  local entries, gone = redis.call('HGETALL', key), {}
  for i = 1, #entries, 2 do
    local kind, digest = string.sub(entries[i], 1, 1), string.sub(entries[i], 2)
    local leads = kind == VERSION_BY_ID and digest or entries[i + 1]
    if not is_of_case(leads) then
      gone[#gone + 1] = entries[i]
      -- An entry does not tell the place of its ticket: where there are several, its ticket stays counted.
      if kind == CASE_BY_ID and #places == 1 then redis.call('HINCRBY', INDEX .. tracker, places[1], -1) end
    end
  end
  if #gone > 0 then redis.call('HDEL', key, unpack(gone)) end
end
return number_of_buckets(tracker)
