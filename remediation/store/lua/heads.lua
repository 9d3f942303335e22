-- The beginnings of values of hashes, without the rest. ARGV: how many bytes, then row and field of each. Returns one for each, ''
-- where there is none.
local answer = {}
for i = 2, #ARGV, 2 do
  answer[#answer + 1] = string.sub(redis.call('HGET', ARGV[i], ARGV[i + 1]) or '', 1, tonumber(ARGV[1]))
end
return answer
