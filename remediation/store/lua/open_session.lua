-- Somebody has signed in to the console. ARGV: digest of the session's id, who it is (sealed), now, for how long (ms) the session
-- lasts without anything being done, how long any session may last, how many there may be, digest of the link that was used or '',
-- and a line of the audit. Returns 1; 0 where the link is used up or over, and then nothing is done.
local digest, now, longest, most = ARGV[1], tonumber(ARGV[3]), tonumber(ARGV[5]), tonumber(ARGV[6])
if ARGV[7] ~= '' and redis.call('DEL', NOTED.LINK .. ARGV[7]) == 0 then return 0 end
local row = NOTED.SESSION .. digest
redis.call('HSET', row, 'sealed', ARGV[2], 'since', now, 'used', now)
redis.call('PEXPIRE', row, ARGV[4])
redis.call('ZREMRANGEBYSCORE', NOTED.SESSIONS, 0, now - longest)
redis.call('ZADD', NOTED.SESSIONS, now, digest)
redis.call('PEXPIRE', NOTED.SESSIONS, longest)
if redis.call('ZCARD', NOTED.SESSIONS) > most then
  for _, each in ipairs(redis.call('ZRANGE', NOTED.SESSIONS, 0, -1)) do
    if redis.call('EXISTS', NOTED.SESSION .. each) == 0 then redis.call('ZREM', NOTED.SESSIONS, each) end
  end
end
local beyond = redis.call('ZCARD', NOTED.SESSIONS) - most
for _, each in ipairs(beyond > 0 and redis.call('ZRANGE', NOTED.SESSIONS, 0, beyond - 1) or {}) do
  redis.call('DEL', NOTED.SESSION .. each)
  redis.call('ZREM', NOTED.SESSIONS, each)
end
note_line(ARGV[8])
return 1
