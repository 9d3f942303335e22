-- The beginnings of some values of one hash, by their names. ARGV: how many bytes, the hash, a cursor of HSCAN, about how many.
-- Returns the next cursor, 0 at the end, then name and beginning of each.
local cursor, found = unpack(redis.call('HSCAN', ARGV[2], ARGV[3], 'COUNT', ARGV[4]))
local answer = {cursor}
for i = 1, #found, 2 do
  answer[#answer + 1] = found[i]
  answer[#answer + 1] = string.sub(found[i + 1], 1, tonumber(ARGV[1]))
end
return answer
