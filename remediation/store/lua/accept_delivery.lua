-- Store a delivery, once. ARGV: id; now; state ('received', 'quarantined', or 'ignored' where we do not know its event);
-- sender; account; sealed body; sealed words; the field for the account in the list of parked work ('district' or
-- 'system'); lifetime (ms) of the fingerprint of an ignored delivery, which has no body; how many deliveries of the account may
-- be quarantined, and how many cases that it brought may wait for their first look; request id and traceparent ('' for none); the limit of the account (microseconds from one delivery to the next, and how many at once; '' for no limit); how
-- many secrets have signed; the ids of all secrets of the account, those that have signed first (none where their use is
-- not noted).
-- Returns 1, or 0 if the delivery was stored before; 2 or 3, and nothing was stored, where the first or the second of these
-- two numbers is reached. A negative answer says in how many ms the limit has room for it:
-- nothing was stored.
local id, now, state = ARGV[1], tonumber(ARGV[2]), ARGV[3]
local row, account = INBOX .. id, ARGV[4] .. '/' .. ARGV[5]
if redis.call('EXISTS', row) == 1 then return 0 end

-- Take one delivery out of the account's limit. Returns 0, or in how many ms the limit has room for one. Redis's own clock
-- counts: where it was set back, or the limit was made smaller, the account owes a whole burst at the most.
local function spend(interval, burst)
  local seconds, micros = unpack(redis.call('TIME'))
  local moment = seconds * 1000000 + micros
  local most = moment + burst * interval
  local function keep(spent)
    redis.call('SET', LIMIT .. account, string.format('%.0f', spent), 'PX', math.ceil((spent - moment) / 1000))
  end
  local spent = tonumber(redis.call('GET', LIMIT .. account) or '0')
  if spent > most then
    keep(most)
    spent = most
  end
  spent = math.max(spent, moment) + interval
  if spent > most then return math.ceil((spent - most) / 1000) end
  keep(spent)
  return 0
end

-- Note that the first `signers` of these secrets are used now, and forget secrets that are no longer in the list: a later
-- secret with such an id is another one.
local function note_secrets(first, signers)
  local key, listed = SECRETS .. account, {}
  for i = first, #ARGV do
    listed['since:' .. ARGV[i]], listed['used:' .. ARGV[i]] = true, true
    redis.call('HSETNX', key, 'since:' .. ARGV[i], now)
    if i < first + signers then redis.call('HSET', key, 'used:' .. ARGV[i], now) end
  end
  for _, field in ipairs(redis.call('HKEYS', key)) do
    if not listed[field] then redis.call('HDEL', key, field) end
  end
  redis.call('PEXPIRE', key, SECRETS_TTL_MS)
end

if state == 'quarantined' and redis.call('ZCARD', QUARANTINED .. account) >= tonumber(ARGV[10]) then return 2 end
if state == 'received' then
  -- Nothing is deleted here: a full server takes every command of a script that has begun with one that needs no memory.
  if redis.call('ZCOUNT', FIRST_LOOKS .. account, now - FIRST_LOOK_MS, '+inf') >= tonumber(ARGV[11]) then return 3 end
end
if ARGV[14] ~= '' then
  local wait = spend(tonumber(ARGV[14]), tonumber(ARGV[15]))
  if wait > 0 then return -wait end
end
if #ARGV >= 17 then note_secrets(17, tonumber(ARGV[16])) end
redis.call('HSET', ACCEPTED, ARGV[4], now)
redis.call('HSET', row, 'state', state, 'at', now, 'sender', ARGV[4], 'account', ARGV[5], 'body', ARGV[6])
if ARGV[12] ~= '' then redis.call('HSET', row, 'request_id', ARGV[12]) end
if ARGV[13] ~= '' then redis.call('HSET', row, 'trace', ARGV[13]) end
if state == 'ignored' then
  redis.call('HDEL', row, 'body')
  redis.call('PEXPIRE', row, ARGV[9])
elseif state == 'received' then
  redis.call('ZADD', PENDING, now + GRACE_MS, id)
  redis.call('ZADD', PENDING_SINCE, now, id)
  wake(row, 'read_delivery', id, now, 5)
else
  local name = 'delivery/' .. id
  redis.call('HSET', PARKED_ROW .. name, 'kind', 'quarantined', 'subject', id, ARGV[8], ARGV[5],
    'error', 'Unreadable', 'words', ARGV[7], 'at', now, 'first_at', now, 'attempts', 1)
  redis.call('ZADD', PARKED, now, name)
  set_aside(QUARANTINED .. account, id, now)
end
return 1
