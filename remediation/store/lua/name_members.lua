-- Note findings of a list in the cases of identities to which they belong. ARGV: reference of the finding's own case, finding
-- id, reference and id of the case of its identity, for each. Returns for each the reference of the case to mark. That is
-- the finding's own case where it has a row: only a look may move what that row holds. A repetition does no harm.
local answer = {}
for i = 1, #ARGV, 4 do
  local row = CASE .. ARGV[i]
  local home = redis.call('HGET', row, 'home')
  if home then
    redis.call('HINCRBY', CASE .. home, 'member:' .. ARGV[i + 1], 1)
  elseif redis.call('EXISTS', row) == 0 then
    home = ARGV[i + 2]
    redis.call('HSET', row, 'id', ARGV[i + 1], 'home', home)
    redis.call('HINCRBY', CASE .. home, 'member:' .. ARGV[i + 1], 1)
    if redis.call('HSETNX', CASE .. home, 'id', ARGV[i + 3]) == 1 then list_case(home) end
  end
  answer[#answer + 1] = home or ARGV[i]
end
return answer
