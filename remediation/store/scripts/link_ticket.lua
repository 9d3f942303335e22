-- Tie a ticket to its case. ARGV: reference, token, tracker, ticket id or '' (to forget it), link. Answers 0 when the lease is lost.
local ref, tracker = ARGV[1], ARGV[3]
if not holds(ref, ARGV[2]) then return 0 end
if ARGV[4] == '' then
  redis.call('HDEL', CASE .. ref, 'link:' .. tracker)
else
  redis.call('HSET', CASE .. ref, 'link:' .. tracker, ARGV[5])
  redis.call('HSET', TICKETS .. tracker, ARGV[4], ref)
  redis.call('HSET', TICKET_KEYS .. tracker, string.upper(cjson.decode(ARGV[5])[2]), ref)
end
redis.call('HDEL', CASE .. ref, 'intent:' .. tracker)
return 1
