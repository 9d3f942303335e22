-- Note deliveries that were refused. ARGV: now, how long (ms) a row is kept after its last one, how many rows at the most, then
-- row and count of each. A row is opaque here: it names a day, an account and a reason. Rows that are too old go, and the
-- oldest ones where there are too many: nobody outside can make them more.
local now, kept_ms, most = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])

local function drop(rows)
  for _, row in ipairs(rows) do
    redis.call('HDEL', NOTED.REFUSED_COUNTS, row)
    redis.call('ZREM', NOTED.REFUSED, row)
  end
end

for i = 4, #ARGV, 2 do
  local known = redis.call('HGET', NOTED.REFUSED_COUNTS, ARGV[i])
  local first, count = string.match(known or '', '^(%d+) (%d+)$')
  count = tonumber(count or '0') + tonumber(ARGV[i + 1])
  redis.call('HSET', NOTED.REFUSED_COUNTS, ARGV[i], string.format('%.0f %.0f', tonumber(first or now), count))
  redis.call('ZADD', NOTED.REFUSED, now, ARGV[i])
end
drop(redis.call('ZRANGEBYSCORE', NOTED.REFUSED, '-inf', now - kept_ms, 'LIMIT', 0, most))
local over = redis.call('ZCARD', NOTED.REFUSED) - most
if over > 0 then drop(redis.call('ZRANGE', NOTED.REFUSED, 0, over - 1)) end
redis.call('PEXPIRE', NOTED.REFUSED, kept_ms)
redis.call('PEXPIRE', NOTED.REFUSED_COUNTS, kept_ms)
return 1
