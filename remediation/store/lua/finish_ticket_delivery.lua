-- with ticket_index.lua, ticket_changes.lua
-- A tracker's delivery has been read. ARGV: id, now, lifetime of the fingerprint (ms), and, for a ticket of ours,
-- tracker, ticket id, version, then reference and id of its case, and its key where it is as it was opened, else ''. Returns 0
-- if it was finished already, else 'marked', 'known' where we know the version or a newer one, or the ticket is as a look has
-- opened it, or 'foreign' for a ticket that is not ours.
local id, now, tracker, ticket, version = ARGV[1], tonumber(ARGV[2]), ARGV[4], ARGV[5], ARGV[6]
if redis.call('HGET', INBOX .. id, 'state') ~= 'received' then return 0 end

-- Deliveries overtake each other and are repeated: one with an earlier version than the one that we know is not news.
-- Only a list of changes may report an earlier version: it says how the ticket is now, and a delivery how it was.
local function is_older(told, known)
  local shape = '^(%d%d%d%d%-%d%d%-%d%d[T ][^/]*)/?(%d*)$'
  local told_at, told_count = string.match(told, shape)
  local known_at, known_count = string.match(known or '', shape)
  if not told_at or not known_at then return false end
  if told_at ~= known_at then return told_at < known_at end
  return (tonumber(told_count) or 0) < (tonumber(known_count) or 0)
end

local outcome = 'foreign'
if tracker then
  outcome = 'known'
  if not is_older(version, known_version(tracker, ticket)) then
    if redis.call('EXISTS', CASE .. ARGV[7]) == 0 then bring(ARGV[7], account_of(id), now) end
    if mark_change(tracker, ticket, version, ARGV[7], ARGV[8], now, 'webhook:' .. tracker, ARGV[9]) == 1 then
      outcome = 'marked'
      note_delivery(ARGV[7], INBOX .. id, 'awaited:status')
    end
  end
end
close_delivery(id, ARGV[3])
return outcome
