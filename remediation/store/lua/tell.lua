-- Write a timeline anew, unless somebody else told something since it was read. ARGV: reference, lifetime (ms), the SHA-1
-- of what was read ('' where there was nothing), how many entries a stream of an earlier version had, what to write.
-- In front of it comes when (ms) this was told. Answers 0, and changes nothing, where it was read too early.
local key, stream = TOLD .. ARGV[1], TIMELINE .. ARGV[1]
local before = redis.call('GET', key)
if (before and redis.sha1hex(before) or '') ~= ARGV[3] then return 0 end
if redis.call('XLEN', stream) ~= tonumber(ARGV[4]) then return 0 end
local seconds, micros = unpack(redis.call('TIME'))
local at = tonumber(seconds) * 1000 + math.floor(tonumber(micros) / 1000)
local last = before and tonumber(before:match('^%d+')) or 0 -- the clock may have been set back, and ids sort by time
redis.call('SET', key, string.format('%.0f ', math.max(at, last)) .. ARGV[5], 'PX', ARGV[2])
redis.call('DEL', stream)
return 1
