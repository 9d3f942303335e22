-- with ticket_index.lua
-- The cases whose tickets have a key (what people call a ticket). ARGV: the key, then trackers. Returns a reference, or '',
-- for each tracker.
local answer = {}
for i = 2, #ARGV do answer[i - 1] = case_of_key(ARGV[i], ARGV[1]) or '' end
return answer
