-- Write a timeline anew, unless somebody else has written it since it was read. ARGV: reference; lifetime (ms); the SHA-1 of
-- the text that was read ('' for none); how many entries the stream of an earlier version had; the new text; '1' where the
-- text that was read is in an unknown form and is to be set apart, else ''; the names of texts that were set apart and are
-- part of the new text. The time (ms) of this call is written in front of the new text.
-- Returns that time as text; or 0, and changes nothing, where somebody else has written since.
local key, stream, apart = TOLD .. ARGV[1], TIMELINE .. ARGV[1], APART .. ARGV[1]
local before = redis.call('GET', key)
if (before and redis.sha1hex(before) or '') ~= ARGV[3] then return 0 end
if redis.call('XLEN', stream) ~= tonumber(ARGV[4]) then return 0 end
local seconds, micros = unpack(redis.call('TIME'))
local at = tonumber(seconds) * 1000 + math.floor(tonumber(micros) / 1000)
local last = before and tonumber(before:match('^%d+')) or 0 -- the clock may have been set back, and ids sort by time
if before and ARGV[6] == '1' then redis.call('HSET', apart, ARGV[3], before) end
local told_at = string.format('%.0f', math.max(at, last))
redis.call('SET', key, told_at .. ' ' .. ARGV[5], 'PX', ARGV[2])
redis.call('DEL', stream)
for i = 7, #ARGV do redis.call('HDEL', apart, ARGV[i]) end
redis.call('PEXPIRE', apart, ARGV[2])
return told_at
