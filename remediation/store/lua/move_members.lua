-- with ticket_index.lua
-- Findings that belong to a group and that a look has not let into this case of it move on to a later one, which is to be
-- looked at: that case's ticket is closed. ARGV: reference, token, now, cause, reference and id of the other case, its number,
-- reference of the group's first case, a line of the audit, then for each finding the reference of its own case and its id.
-- No ticket moves. This case and the first one remember where new findings go. Returns 0, and changes nothing, where the
-- lease is lost. A finding that was deleted, or moved by a run of this script whose answer was lost, is left out.
local ref, now, other = ARGV[1], tonumber(ARGV[3]), ARGV[5]
local row, there = CASE .. ref, CASE .. other
if not holds(ref, ARGV[2]) then return 0 end
local moved = 0
for i = 10, #ARGV, 2 do
  local own, id = CASE .. ARGV[i], ARGV[i + 1]
  if redis.call('HDEL', row, 'member:' .. id) == 1 then
    redis.call('HDEL', row, 'seen:' .. id, 'joined:' .. id)
    redis.call('HSETNX', own, 'id', id)
    redis.call('HSET', own, 'home', other)
    redis.call('HINCRBY', there, 'member:' .. id, 1)
    moved = moved + 1
  end
end
if moved > 0 then note_line(ARGV[9]) end
redis.call('HSET', row, 'next', ARGV[7])
if redis.call('EXISTS', CASE .. ARGV[8]) == 1 then redis.call('HSET', CASE .. ARGV[8], 'next', ARGV[7]) end
local band = math.max(tonumber(redis.call('HGET', row, 'band') or '0'), tonumber(redis.call('HGET', there, 'band') or '0'))
mark(other, ARGV[6], now, band, ARGV[4], nil, redis.call('HGET', row, 'behind') and 'behind' or nil)
return 1
