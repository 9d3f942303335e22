-- The lists of deliveries (see deliveries/listing.py): each that was read, or was set aside, is in one sorted set, by when (ms) it
-- came, with all of its account that have the same state. NOTED.DELIVERY_LISTS has the names of these sets, by when (ms) each
-- ends. Scripts that change a delivery's state call list_delivery or unlist_delivery when they have done so. That a delivery
-- cannot be listed is no trouble of the delivery. Nothing here is a local name, of which Lua allows 200.
NOTED.trimmed = {}

-- Put a member onto a list that keeps the newest MOST_LISTED of the last `lifetime` (ms) before `now`; without `now`, of
-- whatever time. What is too much or too old is taken off once a script.
function NOTED.keep_newest(list, at, member, lifetime, now)
  redis.call('ZADD', list, at, member)
  if NOTED.trimmed[list] then return end
  NOTED.trimmed[list] = true
  redis.call('PEXPIRE', list, lifetime)
  if now then redis.call('ZREMRANGEBYSCORE', list, '-inf', '(' .. string.format('%.0f', now - lifetime)) end
  local over = redis.call('ZCARD', list) - NOTED.MOST_LISTED
  if over > 0 then redis.call('ZREM', list, unpack(redis.call('ZRANGE', list, 0, math.min(over, 1000) - 1))) end
end

function NOTED.put_on_delivery_list(id, state, lifetime, now)
  local at, sender, account = unpack(redis.call('HMGET', INBOX .. id, 'at', 'sender', 'account'))
  if not (at and sender and account) then return end
  local is_aside = state == 'parked' or state == 'quarantined'
  local name = sender .. '/' .. account .. '|' .. state
  local kept = is_aside and UNUSED_MS or math.min(tonumber(lifetime), NOTED.DELIVERIES_LISTED_MS)
  if not NOTED.trimmed[name] then
    NOTED.trimmed[name] = true
    redis.call('ZADD', NOTED.DELIVERY_LISTS, 'GT', (now or redis_now()) + kept, name)
    if now then redis.call('ZREMRANGEBYSCORE', NOTED.DELIVERY_LISTS, '-inf', now) end
    redis.call('PEXPIRE', NOTED.DELIVERY_LISTS, UNUSED_MS)
  end
  NOTED.keep_newest(NOTED.DELIVERY_LIST .. name, at, id, kept, not is_aside and now or nil)
end

-- A delivery was read, or set aside. `lifetime` (ms) is how long what is left of it is kept; what is set aside stays on its
-- list until it is decided about.
function NOTED.list_delivery(id, state, lifetime, now)
  pcall(NOTED.put_on_delivery_list, id, state, lifetime, now)
end

-- A delivery is set aside no more.
function NOTED.unlist_delivery(id)
  local account = account_of(id)
  for _, state in ipairs({'parked', 'quarantined'}) do
    redis.pcall('ZREM', NOTED.DELIVERY_LIST .. account .. '|' .. state, id)
  end
end
