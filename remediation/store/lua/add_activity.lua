-- Add what a process has counted to the sums of an hour and a day. ARGV: the name of this message, the numbers of the hour and of
-- the day, then district ('' for the whole service), name and count of each sum. Returns 0, and adds nothing, where the same
-- message was added before: its reply was lost.
if not redis.call('SET', NOTED.ADDED .. ARGV[1], '1', 'NX', 'PX', NOTED.ADDED_MS) then return 0 end
local kept = {}

local function add(key, name, count, kept_ms)
  if redis.call('HEXISTS', key, name) == 0 and redis.call('HLEN', key) >= NOTED.MOST_FIELDS then return end
  redis.call('HINCRBY', key, name, count)
  kept[key] = kept_ms
end

for i = 4, #ARGV, 3 do
  local district, name, count = ARGV[i], ARGV[i + 1], ARGV[i + 2]
  local of = district == '' and '' or '/' .. district
  add(NOTED.HOUR .. ARGV[2] .. of, name, count, district == '' and NOTED.ACTIVITY_MS or NOTED.ACTIVITY_OF_DISTRICT_MS)
  add(NOTED.DAY .. ARGV[3] .. of, name, count, NOTED.ACTIVITY_MS)
end
for key, kept_ms in pairs(kept) do redis.call('PEXPIRE', key, kept_ms) end
return 1
