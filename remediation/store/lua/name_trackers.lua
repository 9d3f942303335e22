-- with ticket_index.lua
-- mappings.yaml names these trackers now: mark the cases that a look found without them, and move some of what an earlier
-- version kept of their tickets, unless one may still run. ARGV: now, how many cases of each at the most, then the name of each. Returns how many
-- cases were marked.
local now, most, marked = tonumber(ARGV[1]), tonumber(ARGV[2]), 0
local MOVED_AT_ONCE = 200 -- some milliseconds of Redis

-- Whether all processes that reported lately are of one version: one of an earlier version finds nothing in the index.
local function runs_one_version()
  local version
  for _, row in ipairs(redis.call('ZRANGE', PROCESSES, 0, -1)) do
    local reported = cjson.decode(row).version
    if version and reported ~= version then return false end
    version = reported
  end
  return true
end

local to_move = runs_one_version() and MOVED_AT_ONCE or 0
for i = 3, #ARGV do
  redis.call('HSET', TRACKERS, ARGV[i], now)
  if to_move > 0 then to_move = to_move - move_earlier(ARGV[i], to_move) end
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
