-- A system did what was asked. ARGV: system, now. Returns 1 where that ends its trouble: an answer before the field `until`
-- does not.
local row, now = SYSTEM .. ARGV[1], tonumber(ARGV[2])
local waiting, till = unpack(redis.call('HMGET', row, 'waiting', 'until'))
if not waiting or now < tonumber(till) then return 0 end
redis.call('HDEL', row, 'waiting', 'since', 'changed', 'until', 'probe', 'status', 'last')
redis.call('HSET', row, 'ended', now)
return 1
