-- Somebody asks for a page of the console. ARGV: digest of the session's id, now, for how long (ms) a session lasts without anything
-- being done, for how long at most, whether the person did something (1) or the page asks by itself (0), and how old (ms) what is
-- noted of that may be. Returns who it is (sealed), since when, and when they last did something; nothing where the session is over.
local row, now, idle, longest = NOTED.SESSION .. ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local sealed, since, used = unpack(redis.call('HMGET', row, 'sealed', 'since', 'used'))
if not sealed then return false end
if now - since >= longest or now - used >= idle then
  redis.call('DEL', row)
  redis.call('ZREM', NOTED.SESSIONS, ARGV[1])
  return false
end
if ARGV[5] == '1' and now - used >= tonumber(ARGV[6]) then
  redis.call('HSET', row, 'used', now)
  redis.call('PEXPIRE', row, math.min(idle, since + longest - now))
  used = now
end
return {sealed, tostring(since), tostring(used)}
