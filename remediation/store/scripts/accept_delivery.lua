-- Store a delivery, once. ARGV: id, now, state ('received' or 'quarantined'), sender, its account, sealed body, sealed
-- words, what the account is called in the list of parked work ('district' or 'system'). Answers 1 or, if it was there
-- already, 0.
local id, now, state = ARGV[1], tonumber(ARGV[2]), ARGV[3]
local row = INBOX .. id
if redis.call('EXISTS', row) == 1 then return 0 end
redis.call('HSET', row, 'state', state, 'at', now, 'sender', ARGV[4], 'account', ARGV[5], 'body', ARGV[6])
if state == 'received' then
  redis.call('ZADD', PENDING, now + GRACE_MS, id)
  wake(row, 'read_delivery', id, now, 5)
else
  local name = 'delivery/' .. id
  redis.call('HSET', PARKED_ROW .. name, 'kind', 'quarantined', 'subject', id, ARGV[8], ARGV[5],
    'error', 'Unreadable', 'words', ARGV[7], 'at', now, 'first_at', now, 'attempts', 1)
  redis.call('ZADD', PARKED, now, name)
end
return 1
