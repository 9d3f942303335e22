-- A system did not do what was asked. ARGV: system, now, what must end first, the HTTP status or '', and until when
-- (ms) it asked us to wait. Returns 1 where that is news: the system was not waited for, or for another reason.
local name, now, waiting = ARGV[1], tonumber(ARGV[2]), ARGV[3]
local row = SYSTEM .. name
local known = redis.call('HMGET', row, 'waiting', 'changed', 'until', 'hold', 'ended')
local hold, news = tonumber(known[4] or FIRST_HOLD_MS), false
if not known[1] then
  -- If it is in trouble again soon after an answer, its next answer must come later before it counts, and later each time.
  hold = known[5] and now - tonumber(known[5]) < LONGEST_HOLD_MS and math.min(2 * hold, LONGEST_HOLD_MS) or FIRST_HOLD_MS
  redis.call('HSET', row, 'since', now, 'hold', hold, 'probe', now + PROBE_MS)
  redis.call('SADD', SYSTEMS, name)
  news = true
elseif known[1] ~= waiting then
  news = now - tonumber(known[2] or '0') >= hold
end
if news then redis.call('HSET', row, 'waiting', waiting, 'changed', now, 'status', ARGV[4]) end
local till = math.max(tonumber(ARGV[5]), tonumber(known[1] and known[3] or '0'), known[1] and 0 or now + hold)
redis.call('HSET', row, 'until', till, 'last', now)
redis.call('PEXPIRE', row, math.max(0, till - now) + TROUBLE_MS)
return news and 1 or 0
