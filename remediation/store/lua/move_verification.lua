-- What became of the scan of a site, as far as it is known now. ARGV: name of the site, number of the scan, the stage in which
-- it must be, now, when (ms) it is looked at again, what is said of cases or '', the scan's id or '', how many scans in a row
-- had no result, how many fields of the site's row follow, these with their values, then references of cases.
-- Of cases is said a verdict; 'again': another scan is needed; or 'lost': it must be asked for once more. Said it is only of
-- those that this scan is for and that still wait for it. They are looked at.
-- Returns 0, and writes nothing, where the site is not in that stage (any more).
local name, now, says = ARGV[1], tonumber(ARGV[4]), ARGV[6]
local row, cases = VERIFICATION .. name, VERIFICATION_CASES .. name
local number, stage = unpack(redis.call('HMGET', row, 'number', 'stage'))
if (number or '0') ~= ARGV[2] or (stage or '') ~= ARGV[3] then return 0 end
local first_case = 10 + 2 * tonumber(ARGV[9])

local function say(ref)
  local entry = redis.call('HGET', cases, ref)
  if not entry then return end
  local batch, claim = string.match(entry, '^(%d+) (.*)$')
  if tonumber(batch) > tonumber(ARGV[2]) then return end
  local id, known = unpack(redis.call('HMGET', CASE .. ref, 'id', 'verify:claim'))
  if says ~= 'again' or known ~= claim then redis.call('HDEL', cases, ref) end
  if not id or known ~= claim then return end
  if says == 'again' then
    redis.call('HSET', CASE .. ref, 'verify:tries', tonumber(ARGV[8]) + 1)
  elseif says ~= 'lost' then
    redis.call('HSET', CASE .. ref, 'verify:verdict', says, 'verify:scan', ARGV[7])
  end
  mark(ref, id, now, -1, 'verification')
end

for i = first_case, #ARGV do say(ARGV[i]) end
for i = 10, first_case - 1, 2 do redis.call('HSET', row, ARGV[i], ARGV[i + 1]) end
redis.call('ZADD', VERIFICATIONS, ARGV[5], name)
return 1
