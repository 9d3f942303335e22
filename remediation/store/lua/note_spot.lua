-- A case can be found at a spot. ARGV: now, reference, the spot, what its tickets are, after how long (ms) the spot is
-- forgotten, how many cases a spot has at most, '1' where the cases at the other spots are looked at again if this is news,
-- or '', then these spots.
local now, ref, spot = tonumber(ARGV[1]), ARGV[2], SPOT .. ARGV[3]
local before = redis.call('HGET', spot, ref)
if before == ARGV[4] or (not before and redis.call('HLEN', spot) >= tonumber(ARGV[6])) then return 0 end
redis.call('HSET', spot, ref, ARGV[4])
redis.call('PEXPIRE', spot, ARGV[5])
if ARGV[7] ~= '1' then return 1 end
for i = 8, #ARGV do
  for _, other in ipairs(redis.call('HKEYS', SPOT .. ARGV[i])) do
    local id = redis.call('HGET', CASE .. other, 'id')
    if id then mark(other, id, now, -1, 'related') end
  end
end
return 1
