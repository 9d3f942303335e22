-- A list shows findings and which cases they belong to. ARGV: own reference, finding id, the case's reference, its id of
-- each. Returns for each the reference of the case to mark. That is its own where there is a row of it already: what that
-- holds has to go along, and only a look may do that. Naming one is safe to repeat.
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
