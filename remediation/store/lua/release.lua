-- Bring forward cases that wait for systems: of one in trouble a single case, now and then, to ask it; of one that
-- answers again all of them, so many at a time. ARGV: now, how many at the most of each. Returns how many were due sooner.
local now, most, sooner = tonumber(ARGV[1]), tonumber(ARGV[2]), 0

-- Whether the case waits still; one that is being looked at comes back by itself.
local function bring_forward(ref)
  local due = redis.call('ZSCORE', DIRTY, ref)
  if not due or redis.call('EXISTS', LEASE .. ref) == 1 then return false end
  if tonumber(due) > now then redis.call('ZADD', DIRTY, now, ref) end
  sooner = sooner + 1
  return true
end

-- When the next case asks. Where only a change of mappings.yaml can end the trouble, which has one ask at once, it is asked
-- the more seldom the longer it lasts.
local function next_probe(row, waiting)
  local since = waiting == 'unnamed' and tonumber(redis.call('HGET', row, 'since')) or now
  return now + math.min(math.max(PROBE_MS, (now - since) / 20), LONGEST_HOLD_MS)
end

for _, name in ipairs(redis.call('SMEMBERS', SYSTEMS)) do
  local row, held = SYSTEM .. name, HELD .. name
  local waiting, probe, till = unpack(redis.call('HMGET', row, 'waiting', 'probe', 'until'))
  if not waiting then
    for _, ref in ipairs(redis.call('ZRANGE', held, 0, most - 1)) do
      redis.call('ZREM', held, ref)
      redis.call('HDEL', CASE .. ref, 'waits_for')
      bring_forward(ref)
    end
    if redis.call('EXISTS', held) == 0 then redis.call('SREM', SYSTEMS, name) end
  elseif now >= tonumber(probe) and now >= tonumber(till) then
    for _, ref in ipairs(redis.call('ZRANGE', held, 0, 9)) do
      if bring_forward(ref) then break end
    end
    redis.call('HSET', row, 'probe', string.format('%d', next_probe(row, waiting)))
  end
end
return sooner
