-- A scan is to verify that what people mended is gone. ARGV: reference, token, the site's name or '' where it has none, its
-- host (sealed), what stands for the closings, now, and when (ms) the site is looked at, unless it is before.
-- Where the same was asked for before, it stays as it is, and so does its verdict; an entry that was lost is made again.
-- Without a site nothing can be scanned: that is the verdict. Returns 0, and writes nothing, when the lease is lost.
local ref, name, claim, now = ARGV[1], ARGV[3], ARGV[5], tonumber(ARGV[6])
if not holds(ref, ARGV[2]) then return 0 end
local row, site = CASE .. ref, VERIFICATION .. name
local before, known, verdict = unpack(redis.call('HMGET', row, 'verify:site', 'verify:claim', 'verify:verdict'))
if known == claim and verdict then return 1 end
if before and before ~= name then redis.call('HDEL', VERIFICATION_CASES .. before, ref) end
if known ~= claim then
  redis.call('HDEL', row, 'verify:told', 'verify:verdict', 'verify:scan')
  redis.call('HSET', row, 'verify:claim', claim, 'verify:since', math.floor(now / 1000), 'verify:tries', 1)
end
redis.call('HSET', row, 'verify:site', name)
if name == '' then
  redis.call('HSET', row, 'verify:verdict', 'refused')
  return 1
end
local batch = tonumber(redis.call('HGET', site, 'number') or '0') + 1 -- the next scan of the site is the first that may say so
local entry = redis.call('HGET', VERIFICATION_CASES .. name, ref)
if not entry or string.match(entry, ' (.*)$') ~= claim then
  redis.call('HSET', VERIFICATION_CASES .. name, ref, batch .. ' ' .. claim)
end
redis.call('HSET', site, 'host', ARGV[4])
redis.call('ZADD', VERIFICATIONS, 'NX', ARGV[7], name)
return 1
