-- with ticket_index.lua
-- The cases of tickets, as far as they are linked. ARGV: tracker, then the id of each. Returns a reference or '' for each.
local answer = {}
for i = 2, #ARGV do answer[i - 1] = case_of_ticket(ARGV[1], ARGV[i]) or '' end
return answer
