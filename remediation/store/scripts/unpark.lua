-- Take work out of the parked list. ARGV: name, now, 'replay' or 'discard', fingerprint lifetime (ms). Answers 0 if it is not there.
local name, now, how = ARGV[1], tonumber(ARGV[2]), ARGV[3]
local row = PARKED_ROW .. name
local kind, subject, action = unpack(redis.call('HMGET', row, 'kind', 'subject', 'action'))
if not kind then return 0 end
redis.call('DEL', row)
redis.call('ZREM', PARKED, name)
local replay = how == 'replay'
if kind == 'action' or kind == 'case' then
  local case = CASE .. subject
  if replay then
    redis.call('HDEL', case, 'parked:' .. action)
    redis.call('HSET', case, 'again:' .. action, now)
  end
  if replay then mark(subject, redis.call('HGET', case, 'id') or '', now, band_of(case), 'person') end
elseif kind == 'scan' then
  if replay then
    redis.call('HSET', SCAN .. subject, 'state', 'listing', 'attempts', 0)
    redis.call('ZADD', SCANS, now + GRACE_MS, subject)
    wake(SCAN .. subject, 'page_scan', subject, now, 5)
  end
  redis.call('PEXPIRE', SCAN .. subject, ARGV[4])
else
  local delivery = INBOX .. subject
  if replay then
    redis.call('HSET', delivery, 'state', 'received')
    redis.call('ZADD', PENDING, now + GRACE_MS, subject)
    wake(delivery, 'read_delivery', subject, now, 5)
  else
    redis.call('HSET', delivery, 'state', 'discarded')
    redis.call('HDEL', delivery, 'body')
    redis.call('PEXPIRE', delivery, ARGV[4])
  end
end
return 1
