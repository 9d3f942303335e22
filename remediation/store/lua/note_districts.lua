-- Note which districts mappings.yaml names now. ARGV: now, how long (ms) the row of a listing is kept once it is done, then
-- the names. A district that was named before and is not now is absent since it was last named. For a district that is back,
-- the findings that changed since then are listed. Returns three values for each district that is absent or back since this
-- call: its name, 'absent' or 'back', and since when (ms) it is, or was, absent.
local now, named, news = tonumber(ARGV[1]), {}, {}

local function tell(name, what, since)
  for _, each in ipairs({name, what, tostring(since)}) do news[#news + 1] = each end
end

local function list_since(name, since)
  local scan = name .. ':since:' .. since
  local row = SCAN .. scan
  redis.call('HSET', row, 'id', since, 'since', since, 'state', 'listing', 'cursor', '', 'pages', 0, 'marked', 0,
    'attempts', 0, 'at', now, 'kept_ms', ARGV[2])
  redis.call('ZADD', SCANS, now + GRACE_MS, scan)
  wake_once(row, 'page_scan', scan, now, 5)
end

for i = 3, #ARGV do
  local name = ARGV[i]
  local since = redis.call('HGET', ABSENT, name)
  named[name] = true
  if since then
    list_since(name, since)
    redis.call('HDEL', ABSENT, name)
    tell(name, 'back', since)
  end
  redis.call('HSET', DISTRICTS, name, now)
end
local known = redis.call('HGETALL', DISTRICTS)
for i = 1, #known, 2 do
  if not named[known[i]] and redis.call('HSETNX', ABSENT, known[i], known[i + 1]) == 1 then
    tell(known[i], 'absent', known[i + 1])
  end
end
return news
