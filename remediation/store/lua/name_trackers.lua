-- with ticket_index.lua
-- mappings.yaml names these trackers now: mark the cases that a look found without them, and move some of what an earlier
-- version kept of their tickets. ARGV: now, how many cases of each at the most, then the name of each. Returns how many
-- cases were marked.
local now, most, marked = tonumber(ARGV[1]), tonumber(ARGV[2]), 0
local MOVED_AT_ONCE = 500 -- some milliseconds of Redis
for i = 3, #ARGV do
  redis.call('HSET', TRACKERS, ARGV[i], now)
  move_earlier(ARGV[i], MOVED_AT_ONCE)
  for _, ref in ipairs(redis.call('ZRANGE', UNNAMED .. ARGV[i], 0, most - 1)) do
    forget_unnamed(ref) -- all trackers of the case: the next look finds out which are still not named
    redis.call('ZREM', UNNAMED .. ARGV[i], ref)
    local id = redis.call('HGET', CASE .. ref, 'id')
    if id then
      mark(ref, id, now, -1, 'mappings')
      marked = marked + 1
    end
  end
end
return marked
