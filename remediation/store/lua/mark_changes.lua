-- with ticket_index.lua, ticket_changes.lua
-- Mark the cases of tickets that changed, and store the cursor of the list that named them. A version that we know, from a
-- look or an earlier list, marks nothing. ARGV: now, tracker, list, cursor, then for each ticket its id and version,
-- reference and id of the case, and its key where it is as it was opened, else ''. Returns how many cases were marked.
local now, tracker, marked = tonumber(ARGV[1]), ARGV[2], 0
redis.call('SET', CURSOR .. ARGV[3], ARGV[4], 'PX', UNUSED_MS)
redis.call('HSET', NOTED.LISTS_READ, ARGV[3], now)
redis.call('PEXPIRE', NOTED.LISTS_READ, UNUSED_MS)
for i = 5, #ARGV, 5 do
  local ticket, version, ref, id, opened_as = unpack(ARGV, i, i + 4)
  marked = marked + mark_change(tracker, ticket, version, ref, id, now, 'poll:' .. tracker, opened_as)
end
return marked
