-- with merging.lua
-- The newest members of sorted sets by time (ms), as if they were one set. ARGV: how many at the most; the time (ms) and the member
-- after which the page begins ('' from the newest); then the key of each set.
-- Returns the number of its set, from 1 on, the member, and its time of each.
local answer, after_at = {}, tonumber(ARGV[2])
for i = 4, #ARGV do add(open_list(i - 3, ARGV[i], after_at, ARGV[3])) end
for _ = 1, tonumber(ARGV[1]) do
  local first = take_first()
  if not first then break end
  answer[#answer + 1] = first.name
  answer[#answer + 1] = first.ref
  answer[#answer + 1] = string.format('%.0f', first.at)
end
return answer
