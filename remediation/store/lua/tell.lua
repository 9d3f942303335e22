-- Write a timeline anew, unless somebody else told something since it was read. ARGV: reference, lifetime (ms), the SHA-1
-- of what was read ('' where there was nothing), how many entries a stream of an earlier version had, what to write, '1'
-- where what was read is in an unknown form (it is set apart then, else ''), and the names of what had been set apart and
-- is part of what is written. In front of that comes when (ms) this was told.
-- Returns 0, and changes nothing, where it was read too early.
local key, stream, apart = TOLD .. ARGV[1], TIMELINE .. ARGV[1], APART .. ARGV[1]
local before = redis.call('GET', key)
if (before and redis.sha1hex(before) or '') ~= ARGV[3] then return 0 end
if redis.call('XLEN', stream) ~= tonumber(ARGV[4]) then return 0 end
local seconds, micros = unpack(redis.call('TIME'))
local at = tonumber(seconds) * 1000 + math.floor(tonumber(micros) / 1000)
local last = before and tonumber(before:match('^%d+')) or 0 -- the clock may have been set back, and ids sort by time
if before and ARGV[6] == '1' then redis.call('HSET', apart, ARGV[3], before) end
redis.call('SET', key, string.format('%.0f ', math.max(at, last)) .. ARGV[5], 'PX', ARGV[2])
redis.call('DEL', stream)
for i = 7, #ARGV do redis.call('HDEL', apart, ARGV[i]) end
redis.call('PEXPIRE', apart, ARGV[2])
return 1
