-- How far the compliance report of a scan is. ARGV: reference of the report, now, the id of the report that was asked for as the row
-- has it, or '', what became of it, its id or '', and when it is asked about next.
-- What became of it: 'asked' for, 'waits', 'ready', 'failed', or 'dropped' where nobody wants it any more. With 'ready' the summary is
-- looked at: then follow its reference, the scan's id, and the band of that case.
-- Returns how many have failed in a row, or -1 where another worker came first.
local ref, now, known, became, report, due = ARGV[1], tonumber(ARGV[2]), ARGV[3], ARGV[4], ARGV[5], tonumber(ARGV[6])
local row = SCAN .. ref
if redis.call('HGET', row, 'state') ~= 'listing' or (redis.call('HGET', row, 'report') or '') ~= known then return -1 end
ended(ref)
redis.call('HSET', row, 'attempts', 0)
if became == 'asked' then
  redis.call('HSET', row, 'report', report, 'asked_at', now)
elseif became == 'failed' then
  redis.call('HDEL', row, 'report', 'asked_at')
  redis.call('HINCRBY', row, 'failures', 1)
end
if became == 'ready' or became == 'dropped' then
  redis.call('HDEL', row, 'report', 'asked_at')
  redis.call('HSET', row, 'state', 'done')
  if became == 'ready' then redis.call('HSET', row, 'ready', report, 'made_at', now) end
  redis.call('ZREM', SCANS, ref)
  redis.call('PEXPIRE', row, redis.call('HGET', row, 'kept_ms'))
else
  redis.call('ZADD', SCANS, due, ref)
end
if became == 'ready' then mark(ARGV[7], ARGV[8], now, tonumber(ARGV[9]), 'scan') end
return tonumber(redis.call('HGET', row, 'failures') or '0')
