-- A backfill lists no further. ARGV: reference of the listing, now. Returns 0 where none is being listed.
-- Cases that it has marked are looked at nevertheless.
local ref, row = ARGV[1], SCAN .. ARGV[1]
if redis.call('HGET', row, 'state') ~= 'listing' then return 0 end
redis.call('HSET', row, 'state', 'cancelled', 'ended_at', ARGV[2])
redis.call('HDEL', row, 'cursor')
redis.call('ZREM', SCANS, ref)
redis.call('DEL', BEGUN .. ref)
redis.call('PEXPIRE', row, redis.call('HGET', row, 'kept_ms'))
return 1
