-- Sessions of the console end. ARGV: a line of the audit, and the digests of their ids. Returns how many there were; the line is
-- added where there was one.
local ended = 0
for i = 2, #ARGV do
  ended = ended + redis.call('DEL', NOTED.SESSION .. ARGV[i])
  redis.call('ZREM', NOTED.SESSIONS, ARGV[i])
end
if ended > 0 then note_line(ARGV[1]) end
return ended
