-- with ticket_index.lua
-- Forget a tracker that mappings.yaml has not named for UNUSED_MS, unless a case is linked to one of its tickets or waits for
-- it. ARGV: tracker, now, then the names of its lists of changes. Returns 1 where it is forgotten, else 0.
local tracker, now = ARGV[1], tonumber(ARGV[2])
local named_at = tonumber(redis.call('HGET', TRACKERS, tracker) or '')
if not named_at or named_at > now - UNUSED_MS then return 0 end
if redis.call('EXISTS', UNNAMED .. tracker, TICKETS .. tracker, SEEN .. tracker, TICKET_KEYS .. tracker) > 0 then return 0 end
local buckets = number_of_buckets(tracker)
for number = 0, buckets - 1 do
  if #cases_in_bucket(tracker, number) > 0 then return 0 end
end
for number = 0, buckets - 1 do redis.call('DEL', bucket(tracker, number)) end
redis.call('DEL', INDEX .. tracker, SITE .. tracker)
redis.call('HDEL', TRACKERS, tracker)
redis.call('HDEL', FORGETTING, 'bucket:' .. tracker, 'trimmed_at:' .. tracker)
for i = 3, #ARGV do
  redis.call('DEL', CURSOR .. ARGV[i])
  redis.call('HDEL', NOTED.LISTS_READ, ARGV[i])
end
return 1
