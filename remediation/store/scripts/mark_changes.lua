-- Mark the cases of tickets that changed, with the cursor of the list that named them. A version that we know already,
-- because we have seen it in a look or in an earlier list, marks nothing. ARGV: now, tracker, cursor, then ticket id,
-- version, reference, id of each. Answers how many were marked.
local now, tracker, marked = tonumber(ARGV[1]), ARGV[2], 0
redis.call('SET', CURSOR .. tracker, ARGV[3])
for i = 4, #ARGV, 4 do
  local ticket, version = ARGV[i], ARGV[i + 1]
  if version == '' or redis.call('HGET', SEEN .. tracker, ticket) ~= version then
    redis.call('HSET', SEEN .. tracker, ticket, version)
    -- Here is a ticket of a case that knows of none: the next look must search, also where the finding is solved.
    if redis.call('HEXISTS', CASE .. ARGV[i + 2], 'link:' .. tracker) == 0 then
      redis.call('HSETNX', CASE .. ARGV[i + 2], 'intent:' .. tracker, 0)
    end
    mark(ARGV[i + 2], ARGV[i + 3], now, -1)
    marked = marked + 1
  end
end
return marked
