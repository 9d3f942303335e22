-- with merging.lua
-- The newest members of sorted sets by time (ms), as if they were one set. ARGV: how many at the most; the time (ms) and the member
-- after which the page begins ('' from the newest); then the key of each set.
-- Returns the number of its set, from 1 on, the member, and its time of each.
local answer = {}
begin_page(tonumber(ARGV[2]), ARGV[3])
for i = 4, #ARGV do add(open_list(ARGV[i], {number = i - 3})) end
for _ = 1, tonumber(ARGV[1]) do
  local ref, at, list = take_first()
  if not ref then break end
  answer[#answer + 1] = list.number
  answer[#answer + 1] = ref
  answer[#answer + 1] = string.format('%.0f', at)
end
return answer
