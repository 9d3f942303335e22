-- with ticket_index.lua
-- Mark the cases of tickets that changed, and store the cursor of the list that named them. A version that we know, from a
-- look or an earlier list, marks nothing. ARGV: now, tracker, list, cursor, then ticket id, version, reference and id of the
-- case for each ticket. Returns how many cases were marked.
local now, tracker, marked = tonumber(ARGV[1]), ARGV[2], 0
redis.call('SET', CURSOR .. ARGV[3], ARGV[4], 'PX', UNUSED_MS)
redis.call('HSET', LISTS_READ, ARGV[3], now)
redis.call('PEXPIRE', LISTS_READ, UNUSED_MS)
for i = 5, #ARGV, 4 do
  marked = marked + mark_change(tracker, ARGV[i], ARGV[i + 1], ARGV[i + 2], ARGV[i + 3], now, 'poll:' .. tracker)
end
return marked
