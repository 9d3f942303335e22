-- Keep the lease, and write the given fields under it. ARGV: reference, token, time to live (ms), field, value, …
-- The field `audit` is a line of the audit: the row remembers its digest until the look ends, so that it is added once.
-- The field `living` is the rule that the case lives by, or ''; `facts` is what its memory says for the lists of cases.
-- Returns 0, and writes nothing, when the lease is lost.
if not holds(ARGV[1], ARGV[2]) then return 0 end
redis.call('PEXPIRE', LEASE .. ARGV[1], ARGV[3])
for i = 4, #ARGV, 2 do
  if ARGV[i] == 'living' then
    lives_by(CASE .. ARGV[1], ARGV[i + 1])
  elseif ARGV[i] == 'memory' then
    remember(CASE .. ARGV[1], ARGV[i + 1])
  elseif ARGV[i] == 'audit' then
    local digest = redis.sha1hex(ARGV[i + 1])
    if redis.call('HGET', CASE .. ARGV[1], 'audited') ~= digest then
      redis.call('HSET', CASE .. ARGV[1], 'audited', digest)
      note_line(ARGV[i + 1])
    end
  elseif ARGV[i] == 'facts' then
    list_case(ARGV[1], nil, ARGV[i + 1])
  else
    redis.call('HSET', CASE .. ARGV[1], ARGV[i], ARGV[i + 1])
  end
end
return 1
