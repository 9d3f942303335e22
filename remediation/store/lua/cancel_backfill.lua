-- with delivery_lists.lua, unparking.lua
-- A backfill lists no further. ARGV: reference of the listing, now, its name as parked work, lifetime of what is left of that (ms),
-- and a line of the audit or '', which is added where this ended its list. One that is parked is discarded.
-- Cases that it has marked are looked at nevertheless, unless they are taken back (see withdraw_cases.lua).
-- Returns its id, or '' where nothing is known of one.
local ref, now, row = ARGV[1], tonumber(ARGV[2]), SCAN .. ARGV[1]
local state, id, begun, kept = unpack(redis.call('HMGET', row, 'state', 'id', 'begun_at', 'kept_ms'))
if not begun then return '' end
if state ~= 'listing' and state ~= 'parked' then return id end
if state == 'listing' or unpark(ARGV[3], now, false, ARGV[4]) == 1 then note_line(ARGV[5]) end
redis.call('HSET', row, 'state', 'cancelled', 'ended_at', now)
redis.call('HDEL', row, 'cursor')
redis.call('ZREM', SCANS, ref)
redis.call('DEL', BEGUN .. ref)
redis.call('PEXPIRE', row, kept)
return id
