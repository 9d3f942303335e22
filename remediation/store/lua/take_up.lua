-- with taking.lua
-- Take up a delivery or the next page of a scan. ARGV: reference, token, now, whether it would be tried alone,
-- 'delivery' or 'scan', and for how long (ms) after it was taken up a worker may still be at work (there is no lease).
-- Returns the row with its crashes, or 'done' or 'suspect'.
local delivery = ARGV[5] == 'delivery'
if delivery then redis.call('ZREM', UNREAD, ARGV[1]) end
return take_up(ARGV[1], ARGV[2], tonumber(ARGV[3]), ARGV[4] == '1', delivery, tonumber(ARGV[6]))
