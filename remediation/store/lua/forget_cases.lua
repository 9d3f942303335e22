-- with ticket_index.lua, tracker_budgets.lua, deleting.lua
-- Delete cases that came to their end long enough ago, with all that is kept of them. ARGV: latest end (ms) of these cases,
-- how many cases the line of the audit speaks of, this line, then for each case its reference, its generation when it was
-- read, how often findings of it had been named by then, how many findings belong to it, and the references of their own cases.
-- A case that was marked since, or of which a finding was named or its own case marked since, stays. Returns how many are left of them. Where that is
-- another number than the line's, nothing is done.
local due, i = {}, 4

local function times_named(row)
  local times, fields = 0, redis.call('HGETALL', row)
  for i = 1, #fields, 2 do
    if string.sub(fields[i], 1, 7) == 'member:' then times = times + tonumber(fields[i + 1]) end
  end
  return times
end

-- Whether news of a finding waits that its own case has not yet told the case: at `first` are their number and references.
local function has_news(first)
  for i = first + 1, first + tonumber(ARGV[first]) do
    if redis.call('ZSCORE', DIRTY, ARGV[i]) then return true end
  end
  return false
end

local function is_due(at)
  local ref, gen, named = ARGV[at], ARGV[at + 1], tonumber(ARGV[at + 2])
  local row = CASE .. ref
  if redis.call('HGET', row, 'gen') ~= gen or times_named(row) ~= named then return false end
  if redis.call('ZSCORE', DIRTY, ref) or redis.call('ZSCORE', APPOINTMENTS, ref) then return false end
  if has_news(at + 3) then return false end
  return redis.call('EXISTS', LEASE .. ref) == 0
end

while i <= #ARGV do
  if is_due(i) then due[#due + 1] = i end
  i = i + 4 + tonumber(ARGV[i + 3])
end
if #due ~= tonumber(ARGV[2]) then return #due end
for _, at in ipairs(due) do
  for member = at + 4, at + 3 + tonumber(ARGV[at + 3]) do
    if redis.call('HGET', CASE .. ARGV[member], 'home') == ARGV[at] then delete_case(ARGV[member]) end
  end
  delete_case(ARGV[at])
end
local latest = tonumber(redis.call('HGET', FORGETTING, 'forgotten') or '0')
if #due > 0 then redis.call('HSET', FORGETTING, 'forgotten', string.format('%.0f', math.max(latest, tonumber(ARGV[1])))) end
if #due > 0 then shred(#due) end -- the rows were not sealed, and are to leave the append-only file as well
note_line(ARGV[3])
return #due
