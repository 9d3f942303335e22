-- The console refused something. ARGV: number of the hour, how long (ms) it is remembered, what was refused and to whom, how many of
-- those are told apart, and for some counts the count and a line of the audit: that of the first time, and of each that is ten times
-- as many. Returns how often it was.
local row, what = NOTED.REFUSALS .. ARGV[1], ARGV[3]
if redis.call('HLEN', row) > tonumber(ARGV[4]) and redis.call('HEXISTS', row, what) == 0 then what = 'others' end
local count = redis.call('HINCRBY', row, what, 1)
redis.call('PEXPIRE', row, ARGV[2])
for i = 5, #ARGV, 2 do
  if tonumber(ARGV[i]) == count then note_line(ARGV[i + 1]) end
end
return count
