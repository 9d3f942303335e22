-- Store a delivery, once. ARGV: id, now, state ('received', 'quarantined', or 'ignored': its event is none that we
-- know), sender, its account, sealed body, sealed words, what the account is called in the list of parked work ('district'
-- or 'system'), lifetime of the fingerprint (ms) of an ignored one, which has no body, and by which request and in
-- which trace it came, '' for none. Answers 1 or, if it was there already, 0.
local id, now, state = ARGV[1], tonumber(ARGV[2]), ARGV[3]
local row = INBOX .. id
if redis.call('EXISTS', row) == 1 then return 0 end
redis.call('HSET', ACCEPTED, ARGV[4], now)
redis.call('HSET', row, 'state', state, 'at', now, 'sender', ARGV[4], 'account', ARGV[5], 'body', ARGV[6])
if ARGV[10] ~= '' then redis.call('HSET', row, 'request_id', ARGV[10]) end
if ARGV[11] ~= '' then redis.call('HSET', row, 'trace', ARGV[11]) end
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
end
return 1
