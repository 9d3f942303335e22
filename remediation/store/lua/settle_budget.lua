-- with tracker_budgets.lua, budgets.lua
-- A reserved request was answered, or came to nothing. ARGV: budget, its name, now, '1' where there is an answer, the limit, how
-- much of it remains, the reset as it was told, in how many ms that is (each '' where the answer does not say), and for how many
-- ms nothing more is taken, at the least ('' for none). That grows with each refusal in a row.
-- Wakes cases that wait, where there is more now. Returns how many.
-- Answers come in any order. Within one window the least that remains is the newest, and a later reset is newer than any
-- earlier one: that holds for fixed windows, for sliding ones, and for buckets. Of several answers about the same reset, the
-- earliest moment by our clock is the closest to it, and none is too early: the other side's time has whole seconds.
local budget, now = ARGV[1], tonumber(ARGV[3])
local row = BUDGETING.ROW .. budget
redis.call('ZREM', BUDGETING.OUT .. budget, ARGV[2])
local limit, remaining, told, ends_in = tonumber(ARGV[5]), tonumber(ARGV[6]), tonumber(ARGV[7]), tonumber(ARGV[8])
if limit and remaining and told and ends_in then
  local known, reset, least = unpack(redis.call('HMGET', row, 'told', 'reset', 'remaining'))
  known, reset = tonumber(known or '0'), tonumber(reset or '0')
  local is_newer = told > known or reset <= now
  if is_newer or told == known then
    redis.call(
      'HSET', row, 'limit', limit, 'told', told, 'at', now,
      'remaining', is_newer and remaining or math.min(remaining, tonumber(least)),
      'reset', string.format('%d', is_newer and now + ends_in or math.min(reset, now + ends_in))
    )
    redis.call('HDEL', row, 'silent')
  end
elseif ARGV[4] == '1' then
  redis.call('HSETNX', row, 'silent', now)
end
if ARGV[9] ~= '' then
  close_budget(row, tonumber(ARGV[9]), now)
elseif ARGV[4] == '1' then
  redis.call('HDEL', row, 'refused')
end
redis.call('SADD', BUDGETING.ALL, budget)
redis.call('PEXPIRE', row, BUDGETING.BUDGET_MS)
return release_waiting(budget, now)
