-- Take jobs in hand, the most urgent first, as arq's worker does one after the other. ARGV: now (ms), how many at the most, for
-- how long (ms) no other worker begins them.
-- Jobs that a worker has in hand already are passed over, MOST_PASSED of them at the most. Where more jobs wait than are taken,
-- another worker is called. Returns id and due time (ms) of each.
local PAGE, MOST_PASSED = 200, 5000
local most, taken, start = 2 * tonumber(ARGV[2]), {}, 0
repeat
  local page = redis.call('ZRANGEBYSCORE', ARQ.QUEUE, '-inf', ARGV[1], 'WITHSCORES', 'LIMIT', start, PAGE)
  for i = 1, #page, 2 do
    if redis.call('EXISTS', ARQ.IN_PROGRESS .. page[i]) == 0 then
      if #taken >= most then
        ring()
        return taken
      end
      redis.call('PSETEX', ARQ.IN_PROGRESS .. page[i], ARGV[3], '1')
      taken[#taken + 1] = page[i]
      taken[#taken + 1] = page[i + 1]
    end
  end
  start = start + PAGE
until #page < 2 * PAGE or start >= MOST_PASSED + most
return taken
