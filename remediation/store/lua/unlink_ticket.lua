-- with ticket_index.lua
-- Delete the link of a case to its ticket in a tracker, and any intent. ARGV: reference, token, tracker, then ticket id and
-- key where the ticket is not the case's (else ''): later changes of it then do not mark the case. Then '1' where the case's
-- own ticket is still to be linked: the next look must search for it. Returns 0 when the lease is lost.
local ref, tracker = ARGV[1], ARGV[3]
if not holds(ref, ARGV[2]) then return 0 end
redis.call('HDEL', CASE .. ref, 'link:' .. tracker, 'tie:' .. tracker, 'opened:' .. tracker)
if ARGV[4] ~= '' then
  drop_ticket(tracker, ARGV[4], ARGV[5], ref)
end
redis.call('HDEL', CASE .. ref, 'place:' .. tracker)
if ARGV[6] == '1' then
  expect_ticket(CASE .. ref, tracker)
else
  redis.call('HDEL', CASE .. ref, 'intent:' .. tracker)
end
list_case(ref)
return 1
