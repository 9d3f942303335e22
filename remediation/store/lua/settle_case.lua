-- with ticket_index.lua, ticket_changes.lua
-- Remember a case and let go of it. ARGV: reference, token, generation seen, now, memory, the rule that it lives by or '',
-- what the memory says for the lists of cases, its appointment (ms) or '', a line of the audit or '', 'now' where the case comes
-- to its end with this look, as far as it is remembered, 'since' where it is at its end and had come to it before, or '', how
-- many tickets were seen, then tracker, ticket id and version of each, then fields of the row to delete. Work that is parked under such a field
-- is taken off the list of parked work.
-- Returns 'lost', 'settled', or 'again' when something happened since that is more than an echo: a version that was seen, or a
-- ticket as this look has opened it.
local ref, now = ARGV[1], tonumber(ARGV[4])
local row = CASE .. ref
if not holds(ref, ARGV[2]) then return 'lost' end
remember(row, ARGV[5])
lives_by(row, ARGV[6])
if ARGV[8] == '' then
  redis.call('ZREM', APPOINTMENTS, ref)
else
  redis.call('ZADD', APPOINTMENTS, ARGV[8], ref)
end
note_line(ARGV[9])
if ARGV[10] ~= 'since' then redis.call('HDEL', row, 'ended') end
if ARGV[10] ~= '' then redis.call('HSETNX', row, 'ended', math.floor(now / 1000)) end
local first_field, own = 12 + 3 * tonumber(ARGV[11]), {}
for i = 12, first_field - 1, 3 do
  know_version(ARGV[i], ARGV[i + 1], ARGV[i + 2])
  own[ARGV[i] .. '/' .. ARGV[i + 1]] = ARGV[i + 2]
end
local is_at_rest = redis.call('HGET', row, 'gen') == ARGV[3]
if not is_at_rest and is_only_echoes(row, ARGV[3], own) then
  is_at_rest = true
  redis.call('HDEL', row, 'awaited:status')
  for slot = 0, MOST_ORIGINS - 1 do redis.call('HDEL', row, 'origin:' .. slot) end
end
redis.call('HDEL', row, 'noted', 'attempts', 'overtaken', 'audited', unpack(ARGV, first_field))
for i = first_field, #ARGV do
  if string.sub(ARGV[i], 1, 7) == 'parked:' then
    NOTED.off_parked(ref .. '/' .. string.sub(ARGV[i], 8))
  end
end
hold_up(ref, '')
redis.call('DEL', LEASE .. ref)
ended(ref)
end_first_look(ref)
if is_at_rest then
  redis.call('ZREM', DIRTY, ref)
  redis.call('ZREM', DIRTY_SINCE, ref)
  list_case(ref, now, ARGV[7])
  condense(row)
  return 'settled'
end
redis.call('ZADD', DIRTY, now + GRACE_MS, ref)
redis.call('ZADD', DIRTY_SINCE, redis.call('HGET', row, 'marked_at') or now, ref)
if not ARQ.waits_out_storm(ref, row, redis.call('HGET', row, 'cause') or '', false) then
  wake(row, 'look_at_case', ref, now, band_of(row))
end
list_case(ref, now, ARGV[7])
return 'again'
