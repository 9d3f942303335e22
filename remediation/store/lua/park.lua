-- with listeners.lua, delivery_lists.lua
-- Park work. ARGV: name, now, kind, subject, district, action, then field and value of what is known of its error.
-- A case's action is also noted in the case's row, so that it is not tried again until somebody asks for it. Returns 0, and
-- parks nothing, where the delivery has been read, or the backfill cancelled.
local name, now = ARGV[1], tonumber(ARGV[2])
if ARGV[3] == 'delivery' or ARGV[3] == 'quarantined' then
  -- Another worker, which had the data key, may have read it meanwhile.
  if redis.call('HGET', INBOX .. ARGV[4], 'state') ~= 'received' then return 0 end
end
if ARGV[3] == 'scan' and redis.call('HGET', SCAN .. ARGV[4], 'state') == 'cancelled' then return 0 end
local row = PARKED_ROW .. name
redis.call('HDEL', row, 'status', 'lines', 'trace', 'sealed_as', 'shape')
redis.call('HSET', row, 'kind', ARGV[3], 'subject', ARGV[4], 'district', ARGV[5], 'action', ARGV[6], 'at', now,
  unpack(ARGV, 7))
redis.call('HSETNX', row, 'first_at', now)
redis.call('HINCRBY', row, 'attempts', 1)
redis.call('ZADD', PARKED, now, name)
NOTED.into_group(name, now)
local is_not_found = redis.call('HGET', row, 'error') == 'NotFound'
if is_not_found and (ARGV[3] == 'case' or ARGV[3] == 'scan') then set_aside(NOT_FOUND .. district_of(ARGV[4]), name, now) end
if ARGV[3] == 'quarantined' then
  set_aside(QUARANTINED .. account_of(ARGV[4]), ARGV[4], now)
end
if ARGV[3] == 'action' or ARGV[3] == 'case' then
  redis.call('HSET', CASE .. ARGV[4], 'parked:' .. ARGV[6], now)
  list_case(ARGV[4], now)
elseif ARGV[3] == 'delivery' or ARGV[3] == 'quarantined' then
  local state = ARGV[3] == 'delivery' and 'parked' or 'quarantined'
  redis.call('HSET', INBOX .. ARGV[4], 'state', state)
  redis.call('ZREM', PENDING, ARGV[4])
  redis.call('ZREM', PENDING_SINCE, ARGV[4])
  redis.call('ZREM', UNREAD, ARGV[4])
  ended(name)
  NOTED.list_delivery(ARGV[4], state, 0, now)
  tell_listeners(ARGV[4], state)
elseif ARGV[3] == 'scan' then
  redis.call('HSET', SCAN .. ARGV[4], 'state', 'parked')
  redis.call('PERSIST', SCAN .. ARGV[4])
  redis.call('ZREM', SCANS, ARGV[4])
  ended(ARGV[4])
end
return 1
