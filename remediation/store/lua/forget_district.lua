-- Delete what is kept of a district besides its cases. ARGV: district, '1' to count only, or '', a line of the audit or '',
-- then references of its scans.
-- Returns how many entries of each kind there were: kind, number, and so on. The line is added where something was deleted.
local district, is_trial = ARGV[1], ARGV[2] == '1'
local account = 'schoolscan/' .. district
local counts = {}

local function note(kind, count)
  if count > 0 then counts[kind] = (counts[kind] or 0) + count end
end

local function key(kind, name)
  note(kind, redis.call(is_trial and 'EXISTS' or 'DEL', name))
end

local function field(kind, hash, name)
  note(kind, redis.call(is_trial and 'HEXISTS' or 'HDEL', hash, name))
end

local function member(kind, set, name)
  note(kind, redis.call(is_trial and 'SISMEMBER' or 'SREM', set, name))
end

local function forget_scan(ref)
  key('scans', SCAN .. ref)
  note('parked', redis.call('EXISTS', PARKED_ROW .. ref .. '/list'))
  key('counters', REPLAYS .. ref .. '/list')
  key('counters', BEGUN .. ref)
  if is_trial then return end
  redis.call('ZREM', SCANS, ref)
  NOTED.off_parked(ref .. '/list')
end

local function forget_feed(feed)
  note('incidents', redis.call('HLEN', INCIDENTS .. feed))
  key('feeds', FEED .. feed)
  if not is_trial then redis.call('DEL', INCIDENTS .. feed) end
  field('feeds', FEEDS, feed)
end

local function forget_list(list)
  member('limits', SET_ASIDE, list)
  field('limits', DELETED, list)
  field('limits', DELETED, 'at:' .. list)
  if not is_trial then redis.call('DEL', list) end
end

local function forget_system(system)
  key('systems', SYSTEM .. system)
  member('systems', SYSTEMS, system)
  for _, access in ipairs({'read', 'write'}) do
    local budget = system .. '/' .. access
    key('limits', BUDGETING.ROW .. budget)
    member('limits', BUDGETING.ALL, budget)
    if not is_trial then redis.call('DEL', BUDGETING.OUT .. budget, BUDGETING.WAITS .. budget) end
  end
  if not is_trial then redis.call('DEL', HELD .. system) end
end

-- The lists of its deliveries. What is still set aside, as its data key is missing, stays on its list.
local function forget_delivery_lists()
  for _, state in ipairs({'done', 'ignored', 'discarded', 'parked', 'quarantined'}) do
    local name = account .. '|' .. state
    if state ~= 'parked' and state ~= 'quarantined' then redis.call('DEL', NOTED.DELIVERY_LIST .. name) end
    if redis.call('EXISTS', NOTED.DELIVERY_LIST .. name) == 0 then redis.call('ZREM', NOTED.DELIVERY_LISTS, name) end
  end
end

-- What charts tell of it alone: as many hours and days as are kept, and the next ones, as a clock may be ahead.
local function forget_activity()
  local function forget(prefix, span_ms, kept_ms)
    local latest = math.floor(redis_now() / span_ms) + 1
    for number = latest - math.ceil(kept_ms / span_ms) - 1, latest do key('activity', prefix .. number .. '/' .. district) end
  end
  forget(NOTED.HOUR, 3600000, NOTED.ACTIVITY_OF_DISTRICT_MS)
  forget(NOTED.DAY, 86400000, NOTED.ACTIVITY_MS)
end

if not is_trial then forget_delivery_lists() end
forget_activity()
for i = 4, #ARGV do forget_scan(ARGV[i]) end
if not is_trial then redis.call('DEL', NOTED.SCANS_OF .. district) end -- it names no other scans than those
for _, name in ipairs(redis.call('HKEYS', NOTED.DRILLS)) do
  if string.sub(name, 1, #district + 1) == district .. ':' then field('counters', NOTED.DRILLS, name) end
end
for _, site in ipairs(redis.call('ZRANGE', VERIFICATIONS, 0, -1)) do
  if string.match(site, '^[^/]*') == district then
    key('scans', VERIFICATION .. site)
    key('scans', VERIFICATION_CASES .. site)
    if not is_trial then redis.call('ZREM', VERIFICATIONS, site) end
  end
end
for _, feed in ipairs(redis.call('HKEYS', FEEDS)) do
  if string.match(feed, '^[^/]*') == district then
    forget_feed(feed)
    forget_system('incidents:' .. feed)
  end
end
note('decisions', redis.call('HLEN', DECISIONS .. district))
note('incidents', redis.call('HLEN', INCIDENTS_TOLD .. district))
if not is_trial then redis.call('DEL', DECISIONS .. district, INCIDENTS_TOLD .. district) end
forget_list(NOT_FOUND .. district)
if redis.call('EXISTS', QUARANTINED .. account) == 0 then forget_list(QUARANTINED .. account) end
forget_system('schoolscan:' .. district)
for _, kind in ipairs({FIRST_LOOKS, SECRETS, LIMIT}) do key('senders', kind .. account) end
member('senders', SIGNED_TIMES, district)
for _, what in ipairs({'since:', 'by:', 'refused:'}) do field('senders', SIGNED_TIMES_TOLD, what .. district) end
for _, row in ipairs(redis.call('ZRANGE', NOTED.REFUSED, 0, -1)) do
  local of = cjson.decode(row)
  if of[2] == 'schoolscan' and of[3] == district then
    field('senders', NOTED.REFUSED_COUNTS, row)
    if not is_trial then redis.call('ZREM', NOTED.REFUSED, row) end
  end
end
for _, budget in ipairs(redis.call('SMEMBERS', BUDGETING.TRACKERS)) do -- its turn at trackers
  for band = -5, BUDGETING.URGENT_BAND do field('limits', BUDGETING.TURNS .. budget, band .. ':' .. district) end
end
field('limits', LEFT_OUT, district)
field('limits', LEFT_OUT, district .. ':at')
field('names', DISTRICTS, district)
field('names', ABSENT, district)

local answer = {}
for kind, count in pairs(counts) do
  answer[#answer + 1] = kind
  answer[#answer + 1] = count
end
if is_trial or #answer == 0 then return answer end
shred(1 + (counts.incidents or 0))
note_line(ARGV[3])
return answer
