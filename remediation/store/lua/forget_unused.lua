-- Forget names that nothing has used for UNUSED_MS: of districts that mappings.yaml does not name, which have no case left; of
-- trackers likewise, to whose tickets no case is linked; of data keys that no running process has; and of how much made room
-- for others. ARGV: now. Returns the names of the trackers that may be forgotten: forget_tracker.lua decides.
local now, answer = tonumber(ARGV[1]), {}
local until_ms = now - UNUSED_MS

local function pairs_of(key)
  local flat, found = redis.call('HGETALL', key), {}
  for i = 1, #flat, 2 do found[#found + 1] = {flat[i], tonumber(flat[i + 1])} end
  return found
end

local function districts_with_cases()
  local found = {}
  for _, name in ipairs(redis.call('HKEYS', CASE_LISTS)) do
    local district = string.match(name, '^([^|#]+)|')
    if district then found[district] = true end
  end
  return found
end

local function forget_districts()
  local kept = districts_with_cases()
  for _, each in ipairs(pairs_of(ABSENT)) do
    local district, since = unpack(each)
    if since <= until_ms and not kept[district] then
      redis.call('HDEL', ABSENT, district)
      redis.call('HDEL', DISTRICTS, district)
      redis.call('SREM', SIGNED_TIMES, district)
      redis.call('HDEL', SIGNED_TIMES_TOLD, 'since:' .. district, 'by:' .. district, 'refused:' .. district)
    end
  end
end

local function forget_room()
  for _, each in ipairs(pairs_of(DELETED)) do
    local name, at = unpack(each)
    if string.sub(name, 1, 3) == 'at:' and at <= until_ms then redis.call('HDEL', DELETED, name, string.sub(name, 4)) end
  end
end

-- The data keys that running processes have; empty where none of them tells.
local function keys_in_use()
  local found = {}
  for _, row in ipairs(redis.call('ZRANGE', PROCESSES, 0, -1)) do
    for key in string.gmatch(cjson.decode(row).keys or '', '[^,]+') do found[key] = true end
  end
  return found
end

local function forget_data_keys()
  local used = keys_in_use()
  if not next(used) then return end
  for _, each in ipairs(pairs_of(KEY_TIMES)) do
    local key = string.match(each[1], '^since:(.+)$')
    if key and used[key] then
      redis.call('HDEL', KEY_TIMES, 'gone:' .. key)
    elseif key then
      redis.call('HSETNX', KEY_TIMES, 'gone:' .. key, now)
      if tonumber(redis.call('HGET', KEY_TIMES, 'gone:' .. key)) <= until_ms then
        redis.call('HDEL', KEY_TIMES, 'since:' .. key, 'first:' .. key, 'gone:' .. key)
      end
    end
  end
end

forget_districts()
forget_room()
forget_data_keys()
for _, each in ipairs(pairs_of(TRACKERS)) do
  if each[2] <= until_ms then answer[#answer + 1] = each[1] end
end
return answer
