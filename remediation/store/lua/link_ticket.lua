-- with ticket_index.lua
-- Link a ticket to its case. ARGV: reference, token, tracker, ticket id, link, what else is known of the ticket, now, '1' where
-- it is active and its version was not told: Jira answers a create without one.
-- Returns 0 when the lease is lost. Another case to which the ticket was linked until now is marked.
-- The first ticket in a tracker of what a backfill found counts for that one, as long as nothing came in about the case.
local ref, tracker = ARGV[1], ARGV[3]
if not holds(ref, ARGV[2]) then return 0 end
local row, backfill = CASE .. ref, SCAN .. district_of(ref) .. ':backfill:account'
local is_found, is_known = redis.call('HEXISTS', row, 'behind'), redis.call('HEXISTS', row, 'link:' .. tracker)
if is_found == 1 and is_known == 0 and redis.call('HEXISTS', backfill, 'begun_at') == 1 then
  redis.call('HINCRBY', backfill, 'tickets', 1)
end
look_at_tied(tracker, ARGV[4], ref, tonumber(ARGV[7]), 'again')
redis.call('HSET', row, 'link:' .. tracker, ARGV[5], 'tie:' .. tracker, ARGV[6])
if ARGV[8] == '1' then
  redis.call('HSET', row, 'opened:' .. tracker, 1)
else
  redis.call('HDEL', row, 'opened:' .. tracker)
end
index_ticket(tracker, ARGV[4], ref)
index_key(tracker, cjson.decode(ARGV[5])[2], ARGV[4])
redis.call('HSETNX', TRACKERS, tracker, 0)
redis.call('HDEL', row, 'intent:' .. tracker, 'place:' .. tracker)
list_case(ref, tonumber(ARGV[7]))
return 1
