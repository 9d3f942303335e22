-- What parked work has in common, counted by its groups, without reading the pieces. While pieces of an earlier version are in no
-- group yet, or where there are very many groups, the newest pieces are read instead.
local MOST_GROUPS, MOST_PIECES = 1000, 1000 -- some milliseconds

-- The counts of all groups; nil where not all parked work is in them.
local function counted_groups(with_times)
  if redis.call('HLEN', NOTED.PARKED_GROUPS) > MOST_GROUPS then return nil end
  local found, sum, flat = {}, 0, redis.call('HGETALL', NOTED.PARKED_GROUPS)
  for i = 1, #flat, 2 do
    local key = NOTED.PARKED_GROUP .. flat[i]
    local kind, district, system, fault, status = string.match(flat[i + 1], '^([^\n]*)\n([^\n]*)\n([^\n]*)\n([^\n]*)\n([^\n]*)\n')
    local each = {kind = kind, district = district, system = system, fault = fault, status = status}
    each.count = redis.call('ZCARD', key)
    if with_times then
      each.first = redis.call('ZRANGE', key, 0, 0, 'WITHSCORES')[2]
      each.last = redis.call('ZRANGE', key, -1, -1, 'WITHSCORES')[2]
    end
    found[#found + 1], sum = each, sum + each.count
  end
  return sum == redis.call('ZCARD', PARKED) and found or nil
end

local function newest_pieces()
  local found, flat = {}, redis.call('ZREVRANGE', PARKED, 0, MOST_PIECES - 1, 'WITHSCORES')
  for i = 1, #flat, 2 do
    local kind, district, system, fault, status =
      unpack(redis.call('HMGET', PARKED_ROW .. flat[i], 'kind', 'district', 'system', 'error', 'status'))
    if kind then
      found[#found + 1] = {kind = kind, district = district or '', system = system or '', fault = fault or '',
        status = status or '', count = 1, first = flat[i + 1], last = flat[i + 1]}
    end
  end
  return found
end

-- Some parked work each: kind, district, system, fault and status ('' for none), how many, and, where it is asked for, when (ms)
-- the first and the last was set aside.
local function counted_parked(with_times)
  return counted_groups(with_times) or newest_pieces()
end
