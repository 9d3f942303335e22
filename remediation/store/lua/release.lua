-- Bring forward cases that wait for systems: now and then one case for each system in trouble, which asks it; and all cases
-- for a system that answers again, some at a time. ARGV: now, how many at the most for each system. Returns how many cases
-- are due sooner.
local now, most, sooner = tonumber(ARGV[1]), tonumber(ARGV[2]), 0

-- Returns whether the case still waited. A case that is being looked at needs no wake-up.
local function bring_forward(ref)
  local due = redis.call('ZSCORE', DIRTY, ref)
  if not due or redis.call('EXISTS', LEASE .. ref) == 1 then return false end
  if tonumber(due) > now then redis.call('ZADD', DIRTY, now, ref) end
  sooner = sooner + 1
  return true
end

-- When the next case asks the system. A trouble that only a change of mappings.yaml can end is asked about less often the
-- longer it lasts: such a change makes a case ask at once.
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
