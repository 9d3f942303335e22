-- Note findings of a list in the cases of identities or of groups to which they belong. ARGV: '1' where the list is a
-- backfill's, or '', then reference of the finding's own case, finding id, reference and id of the case to which it belongs, and
-- what the list shows of it (see KnownMember.code), for each. Returns
-- for each the reference of the case to mark. That is the finding's own case where it has a row: only a look may move what
-- that row holds. A finding of which the list shows what is known need not be read. A repetition does no harm.
-- Between this and the mark that follows, a case that a backfill found must not be taken back (see withdraw_cases.lua): `named`
-- says so.
local function name_member(home, id, shown)
  if ARGV[1] == '' then redis.call('HSET', CASE .. home, 'named', 1) end
  local known = redis.call('HGET', CASE .. home, 'seen:' .. id)
  if known and string.match(known, '^%d+/(.*)$') == shown then return end
  redis.call('HINCRBY', CASE .. home, 'member:' .. id, 1)
end

local answer = {}
for i = 2, #ARGV, 5 do
  local row = CASE .. ARGV[i]
  local home = redis.call('HGET', row, 'home')
  if home then
    name_member(home, ARGV[i + 1], ARGV[i + 4])
  elseif redis.call('EXISTS', row) == 0 then
    home = ARGV[i + 2]
    redis.call('HSET', row, 'id', ARGV[i + 1], 'home', home)
    redis.call('HINCRBY', CASE .. home, 'member:' .. ARGV[i + 1], 1)
    if ARGV[1] == '' then redis.call('HSET', CASE .. home, 'named', 1) end
    if redis.call('HSETNX', CASE .. home, 'id', ARGV[i + 3]) == 1 then list_case(home) end
  end
  answer[#answer + 1] = home or ARGV[i]
end
return answer
