-- Begin to have a site scanned, for all cases that wait for that. ARGV: name of the site, now, how long (ms) after a scan of
-- it no other one begins, when (ms) the start must be known to have worked, and '1' where it may begin, or '' where only what
-- is over is forgotten, whatever the stage is.
-- Cases that need no scan any more are taken off. Returns the number of the scan, or 0 where none begins.
local name, now = ARGV[1], tonumber(ARGV[2])
local row, cases = VERIFICATION .. name, VERIFICATION_CASES .. name
local stage, asked_at = unpack(redis.call('HMGET', row, 'stage', 'asked_at'))
local is_at_rest = (stage or '') == ''
if ARGV[5] == '1' and not is_at_rest then return 0 end
local kept = redis.call('HGETALL', cases)
for i = 1, #kept, 2 do
  local claim, verdict = unpack(redis.call('HMGET', CASE .. kept[i], 'verify:claim', 'verify:verdict'))
  if verdict or claim ~= string.match(kept[i + 1], ' (.*)$') then redis.call('HDEL', cases, kept[i]) end
end
local rests_until = tonumber(asked_at or '0') + tonumber(ARGV[3])
if is_at_rest and rests_until > now then
  redis.call('ZADD', VERIFICATIONS, rests_until, name)
  return 0
end
if redis.call('EXISTS', cases) == 0 then
  redis.call('DEL', row)
  redis.call('ZREM', VERIFICATIONS, name)
  return 0
end
if ARGV[5] ~= '1' then return 0 end
redis.call('HDEL', row, 'scan', 'findings', 'cursor', 'pages', 'verdict', 'before')
redis.call('HSET', row, 'stage', 'starting', 'asked_at', now)
redis.call('ZADD', VERIFICATIONS, ARGV[4], name)
return redis.call('HINCRBY', row, 'number', 1)
