-- with tracker_budgets.lua, budgets.lua
-- Let go of a case. It is looked at again at `due`, or at once when something happened since. ARGV: reference, token, due
-- (ms), generation seen, now, what to count ('attempts'; 'overtaken', which an attempt sets back to 0; or '' for nothing), the
-- system that it waits for or '', the budget that it waits for or '', and fields of the row to delete. Returns 0 when the
-- lease is lost.
local ref = ARGV[1]
if not holds(ref, ARGV[2]) then return 0 end
local row = CASE .. ref
if ARGV[6] ~= '' then redis.call('HINCRBY', row, ARGV[6], 1) end
if ARGV[6] == 'attempts' then redis.call('HDEL', row, 'overtaken') end
redis.call('HSET', row, 'looked', ARGV[4])
redis.call('HDEL', row, 'audited')
hold_up(ref, ARGV[7], ARGV[3])
for i = 9, #ARGV do redis.call('HDEL', row, ARGV[i]) end
if redis.call('HGET', row, 'gen') == ARGV[4] then
  redis.call('HSET', row, 'cause', 'sweep', 'marked_at', ARGV[5])
  redis.call('ZADD', DIRTY, ARGV[3], ref)
else
  redis.call('ZADD', DIRTY, ARGV[5], ref)
end
if ARGV[8] ~= '' then wait_for_budget(ref, ARGV[8], tonumber(ARGV[5])) end
redis.call('DEL', LEASE .. ref)
if ARGV[8] ~= '' then broken_off(ref) else ended(ref) end
list_case(ref, tonumber(ARGV[5]))
return 1
