-- with ticket_index.lua
-- Link a ticket to its case. ARGV: reference, token, tracker, ticket id, link, what else is known of the ticket, now.
-- Returns 0 when the lease is lost. Another case to which the ticket was linked until now is marked.
local ref, tracker = ARGV[1], ARGV[3]
if not holds(ref, ARGV[2]) then return 0 end
look_at_tied(tracker, ARGV[4], ref, tonumber(ARGV[7]), 'again')
redis.call('HSET', CASE .. ref, 'link:' .. tracker, ARGV[5], 'tie:' .. tracker, ARGV[6])
index_ticket(tracker, ARGV[4], ref)
index_key(tracker, cjson.decode(ARGV[5])[2], ARGV[4])
redis.call('HSETNX', TRACKERS, tracker, 0)
redis.call('HDEL', CASE .. ref, 'intent:' .. tracker, 'place:' .. tracker)
list_case(ref, tonumber(ARGV[7]))
return 1
