-- How many cases are on some lists. ARGV: the time (ms) from which on they changed, and the one before which they did, ''
-- for any; the number that suffices, '' for none: behind it no further list is read. Then the numbers of the lists,
-- joined by commas.
local from, sum, most = ARGV[1] == '' and '-inf' or ARGV[1], 0, tonumber(ARGV[3])
local until_at = ARGV[2] == '' and '+inf' or '(' .. ARGV[2]
local is_any = ARGV[1] == '' and ARGV[2] == ''
for number in string.gmatch(ARGV[4], '%d+') do
  local key = CASE_LIST .. number
  sum = sum + (is_any and redis.call('ZCARD', key) or redis.call('ZCOUNT', key, from, until_at))
  if most and sum > most then break end
end
return sum
