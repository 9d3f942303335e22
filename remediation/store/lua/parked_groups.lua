-- What groups of parked work have within a span of time. ARGV: the span (ms, as for ZRANGEBYSCORE), then ids of groups.
-- Returns five things for each group that has any: id, how many, when (ms) the first and the last was set aside, and the name
-- of the last.
local since, till, answer = ARGV[1], ARGV[2], {}
for i = 3, #ARGV do
  local key = NOTED.PARKED_GROUP .. ARGV[i]
  local count = redis.call('ZCOUNT', key, since, till)
  if count > 0 then
    local first = redis.call('ZRANGEBYSCORE', key, since, till, 'WITHSCORES', 'LIMIT', 0, 1)
    local last = redis.call('ZREVRANGEBYSCORE', key, till, since, 'WITHSCORES', 'LIMIT', 0, 1)
    for _, each in ipairs({ARGV[i], count, first[2], last[2], last[1]}) do answer[#answer + 1] = each end
  end
end
return answer
