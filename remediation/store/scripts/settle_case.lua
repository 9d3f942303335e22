-- Remember a case and let go of it. ARGV: reference, token, generation seen, now, memory, how many tickets were seen,
-- then tracker, ticket id, version of each, then fields of the row to delete.
-- Answers 'lost', 'settled', or 'again' when something happened since.
local ref, now = ARGV[1], tonumber(ARGV[4])
local row = CASE .. ref
if not holds(ref, ARGV[2]) then return 'lost' end
redis.call('HSET', row, 'memory', ARGV[5])
local first_field = 7 + 3 * tonumber(ARGV[6])
for i = 7, first_field - 1, 3 do redis.call('HSET', SEEN .. ARGV[i], ARGV[i + 1], ARGV[i + 2]) end
redis.call('HDEL', row, 'attempts', unpack(ARGV, first_field))
redis.call('DEL', LEASE .. ref)
ended(ref)
if redis.call('HGET', row, 'gen') == ARGV[3] then
  redis.call('ZREM', DIRTY, ref)
  return 'settled'
end
redis.call('ZADD', DIRTY, now + GRACE_MS, ref)
wake(row, 'look_at_case', ref, now, band_of(row))
return 'again'
