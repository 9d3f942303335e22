-- with ticket_index.lua, tracker_budgets.lua, deleting.lua
-- Take back cases that a backfill found and that nobody has begun to work at: they are deleted, as if they had not been found.
-- ARGV: reference of the backfill, its id, a line of the audit or '', then for each case its reference, how many findings belong to
-- it, and the references of their own cases.
-- A case stays where something came in about it since or about one of its findings, a worker is at it, or anything was written
-- down about its finding or a ticket. The line is added where the first case of a backfill is taken back whose list has ended.
-- Returns how many were taken back, or -1 where the backfill is being listed or another one has begun.
local row = SCAN .. ARGV[1]
local id, state = unpack(redis.call('HMGET', row, 'id', 'state'))
if id ~= ARGV[2] or (state ~= 'cancelled' and state ~= 'done') then return -1 end

-- What a case has that was only marked, and put off for want of an answer or of a request of a budget.
local HARMLESS = {
  id = true, gen = true, cause = true, marked_at = true, band = true, behind = true, listed = true, wakes = true,
  attempts = true, overtaken = true, looked = true, begun = true, budget = true, waits_for = true,
}

-- The last wake-up of a case that waits in the queue or none; nil where a worker has it in hands.
local function wake_up_of(ref)
  local number = redis.call('HGET', CASE .. ref, 'wakes')
  if not number then return '' end
  local job = 'look_at_case:' .. ref .. ':' .. number
  if redis.call('EXISTS', ARQ.IN_PROGRESS .. job) == 1 then return nil end
  return job
end

-- Whether nothing was written about the case but that the backfill found it, with so many findings.
local function is_untouched(ref, members)
  if redis.call('EXISTS', LEASE .. ref) == 1 or not redis.call('ZSCORE', DIRTY, ref) then return false end
  local is_behind, found = false, 0
  for _, field in ipairs(redis.call('HKEYS', CASE .. ref)) do
    local kind = string.match(field, '^([a-z_]+):')
    if kind == 'member' then
      found = found + 1
    elseif not HARMLESS[field] and kind ~= 'origin' then
      return false
    end
    is_behind = is_behind or field == 'behind'
  end
  return is_behind and found == members
end

-- Whether the finding's own case only says to which one it belongs, and no look at it is due.
local function is_quiet(own, ref)
  return redis.call('HGET', CASE .. own, 'home') == ref and not redis.call('ZSCORE', DIRTY, own)
    and redis.call('EXISTS', LEASE .. own) == 0
end

local function take_back(ref, first, last)
  local job = wake_up_of(ref)
  if not job or not is_untouched(ref, last - first + 1) then return 0 end
  for i = first, last do
    if not is_quiet(ARGV[i], ref) then return 0 end
  end
  for i = first, last do
    if redis.call('HLEN', CASE .. ARGV[i]) == 2 then -- nothing lies elsewhere because of it
      redis.call('DEL', CASE .. ARGV[i])
    else
      delete_case(ARGV[i])
    end
  end
  delete_case(ref)
  redis.call('DEL', ARQ.JOB .. job)
  redis.call('ZREM', ARQ.QUEUE, job)
  return 1
end

local taken, i = 0, 4
while i <= #ARGV do
  local last = i + 1 + tonumber(ARGV[i + 1])
  taken = taken + take_back(ARGV[i], i + 2, last)
  i = last + 1
end
if taken > 0 then
  redis.call('HINCRBY', row, 'taken_back', taken)
  if state == 'done' then
    redis.call('HSET', row, 'state', 'cancelled')
    note_line(ARGV[3])
  end
end
return taken
