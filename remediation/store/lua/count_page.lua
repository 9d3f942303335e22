-- A page of a scan's findings has been counted. ARGV: reference of the counting, now, cursor of the page as the row has it, the
-- next one (sealed) or '', the numbers with this page, how many changes were known when the page was asked for, when (ms) the
-- scan began or '', how many findings these are, reference of the summary's case, the scan's id, the band of that case, and how
-- long (ms) after this counting the next one begins.
-- With the end of the list the summary is looked at. Where something has changed since the first page was asked for, the list is
-- counted once more.
-- Returns 0 when another worker has counted this page already.
local ref, now = ARGV[1], tonumber(ARGV[2])
local row = SCAN .. ref
if redis.call('HGET', row, 'state') ~= 'listing' or redis.call('HGET', row, 'cursor') ~= ARGV[3] then return 0 end
if ARGV[3] == '' then redis.call('HSET', row, 'upto', ARGV[6], 'began', ARGV[7]) end
redis.call('HINCRBY', row, 'pages', 1)
redis.call('HSET', row, 'attempts', 0)
ended(ref)
if ARGV[4] ~= '' then
  redis.call('HSET', row, 'cursor', ARGV[4], 'tallied', ARGV[5])
  redis.call('ZADD', SCANS, now + GRACE_MS, ref)
  wake(row, 'page_scan', ref, now, 5)
  return 1
end
redis.call('HSET', row, 'counts', ARGV[5], 'counted_at', now)
redis.call('HSETNX', row, 'first', ARGV[8])
local changed, upto = unpack(redis.call('HMGET', row, 'changed', 'upto'))
if changed ~= upto then
  redis.call('HSET', row, 'cursor', '', 'tallied', '', 'pages', 0)
  redis.call('ZADD', SCANS, now + tonumber(ARGV[12]), ref)
else
  redis.call('HSET', row, 'state', 'done')
  redis.call('HDEL', row, 'cursor', 'tallied', 'upto', 'began')
  redis.call('ZREM', SCANS, ref)
  redis.call('PEXPIRE', row, redis.call('HGET', row, 'kept_ms'))
end
mark(ARGV[9], ARGV[10], now, tonumber(ARGV[11]), 'scan')
return 1
