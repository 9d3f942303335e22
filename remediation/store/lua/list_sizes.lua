-- How many cases each of some lists has. ARGV: the numbers of the lists, joined by commas. Returns as many counts.
local sizes = {}
for number in string.gmatch(ARGV[1], '%d+') do sizes[#sizes + 1] = redis.call('ZCARD', CASE_LIST .. number) end
return sizes
