-- Take jobs in hand, the most urgent first, as arq's worker does one after the other. ARGV: now (ms), how many at the most, for
-- how long (ms) no other worker begins them, and of those whose name begins so, how many at the most.
-- Jobs that a worker has in hand already are passed over, MOST_PASSED of them at the most. Where more jobs wait than are taken,
-- another worker is called.
-- Returns how many were passed over because of their name, then id, due time (ms) and content of each that is taken: empty
-- where it is there no more.
local PAGE, MOST_PASSED = 200, 5000
local most, taken, start = 1 + 3 * tonumber(ARGV[2]), {0}, 0
local name, room = ARGV[4] .. ':', tonumber(ARGV[5])
local function is_named(id) return string.sub(id, 1, #name) == name end
repeat
  local page = redis.call('ZRANGEBYSCORE', ARQ.QUEUE, '-inf', ARGV[1], 'WITHSCORES', 'LIMIT', start, PAGE)
  for i = 1, #page, 2 do
    local id = page[i]
    if redis.call('EXISTS', ARQ.IN_PROGRESS .. id) == 1 then
      -- another worker has it
    elseif is_named(id) and room == 0 then
      taken[1] = taken[1] + 1
    elseif #taken >= most then
      ring()
      return taken
    else
      if is_named(id) then room = room - 1 end
      redis.call('PSETEX', ARQ.IN_PROGRESS .. id, ARGV[3], '1')
      taken[#taken + 1] = id
      taken[#taken + 1] = page[i + 1]
      taken[#taken + 1] = redis.call('GET', ARQ.JOB .. id) or ''
    end
  end
  start = start + PAGE
until #page < 2 * PAGE or start >= MOST_PASSED + most
return taken
