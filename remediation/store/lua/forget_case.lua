-- with ticket_index.lua
-- Delete all that is kept of one case, in one step. ARGV: reference, '1' to count only, or '', a line of the audit or '', the
-- case of an identity to which the finding belongs or '' where only its row tells, the finding's id or '' likewise, then what
-- its row may not know (any more): how many spots follow, and these; how many actions of the case, and these; ids of its jobs.
-- Returns 'held' where a worker looks at the case, or at the one to which the finding belongs: it would write again. Returns
-- 'members' where the case is one of an identity, and findings still belong to it: they go first. Nothing is changed then.
-- Otherwise how many entries of each kind there were: kind, number, and so on; nothing for a case of which nothing is kept.
-- The line is added where something was deleted.
local ref, is_trial, line = ARGV[1], ARGV[2] == '1', ARGV[3]
local row, district, name = CASE .. ref, district_of(ref), string.match(ref, '^[^:]*:incident:(.+)$')
if redis.call('EXISTS', LEASE .. ref) == 1 then return 'held' end

local fields, actions, tickets = {}, {look = true}, {}
local flat = redis.call('HGETALL', row)
for i = 1, #flat, 2 do
  fields[flat[i]] = flat[i + 1]
  local kind, rest = string.match(flat[i], '^([a-z_]+):(.+)$')
  if kind == 'member' and not is_trial then return 'members' end
  if kind == 'parked' or kind == 'given_up' or kind == 'again' then actions[rest] = true end
  if kind == 'link' then
    local ticket, key = unpack(cjson.decode(flat[i + 1]))
    tickets[#tickets + 1] = {tracker = rest, id = ticket, key = key}
  end
end
local home = ARGV[4] ~= '' and ARGV[4] or fields.home
local id = ARGV[5] ~= '' and ARGV[5] or fields.id
if home and redis.call('EXISTS', LEASE .. home) == 1 then return 'held' end
local last_spot = 6 + tonumber(ARGV[6])
local last_action = last_spot + 1 + tonumber(ARGV[last_spot + 1])
for i = last_spot + 2, last_action do actions[ARGV[i]] = true end

-- How many entries there were of each kind. Each of these functions deletes entries, or counts them only.
local counts = {}

local function note(kind, count)
  if count > 0 then counts[kind] = (counts[kind] or 0) + count end
  return count
end

local function key(kind, name_of_key)
  return note(kind, redis.call(is_trial and 'EXISTS' or 'DEL', name_of_key))
end

local function field(kind, hash, name_of_field)
  return note(kind, redis.call(is_trial and 'HEXISTS' or 'HDEL', hash, name_of_field))
end

local function member(kind, list, name_of_member)
  if not is_trial then return note(kind, redis.call('ZREM', list, name_of_member)) end
  return note(kind, redis.call('ZSCORE', list, name_of_member) and 1 or 0)
end

local shredded = 0

local function forget_lists()
  for _, list in ipairs({DIRTY, DIRTY_SINCE, APPOINTMENTS}) do member('waiting', list, ref) end
  member('waiting', NOT_FOUND .. district, ref .. '/look')
  if fields.waits_for then member('waiting', HELD .. fields.waits_for, ref) end
  if fields.brought_by then member('waiting', FIRST_LOOKS .. fields.brought_by, ref) end
  for tracker in string.gmatch(fields.unnamed or '', '[^,]+') do member('waiting', UNNAMED .. tracker, ref) end
  local list = fields.listed and redis.call('HGET', CASE_LISTS, '#' .. fields.listed)
  if not list then return end
  note('lists', 1)
  if not is_trial then off_list(ref, fields.listed, list) end
end

local function forget_tickets()
  for _, ticket in ipairs(tickets) do
    if case_of_ticket(ticket.tracker, ticket.id) == ref then
      note('tickets', 1)
      if not is_trial then forget_version(ticket.tracker, ticket.id) end
    end
    if not is_trial then drop_ticket(ticket.tracker, ticket.id, ticket.key, ref) end
  end
end

local function forget_parked()
  for action in pairs(actions) do
    local name_of_work = ref .. '/' .. action
    shredded = shredded + key('parked', PARKED_ROW .. name_of_work)
    if not is_trial then redis.call('ZREM', PARKED, name_of_work) end
    key('counters', REPLAYS .. name_of_work)
  end
  key('counters', BEGUN .. ref)
end

local KEPT_JOBS = 8 -- a job is queued only where the one before is not; of those that are being run, few can be left

local function forget_job(job)
  key('jobs', JOB .. job)
  if not is_trial then redis.call('ZREM', QUEUE, job) end
end

local function forget_jobs()
  local jobs, last = {}, tonumber(fields.wakes or '0')
  for number = math.max(1, last - KEPT_JOBS), last do jobs['look_at_case:' .. ref .. ':' .. number] = true end
  for i = last_action + 1, #ARGV do jobs[ARGV[i]] = true end
  for job in pairs(jobs) do forget_job(job) end
end

-- What feeds showed of an incident, and what was decided about it.
local function forget_incident()
  if not name then return end
  for _, feed in ipairs(redis.call('HKEYS', FEEDS)) do
    if string.match(feed, '^[^/]*') == district then
      shredded = shredded + field('incidents', INCIDENTS .. feed, name)
    end
  end
  field('decisions', DECISIONS .. district, name)
  shredded = shredded + field('incidents', INCIDENTS_TOLD .. district, name)
end

for i = 7, last_spot do field('relations', SPOT .. ARGV[i], ref) end
forget_lists()
forget_tickets()
forget_parked()
forget_jobs()
forget_incident()
for _, told in ipairs({TOLD, APART, TIMELINE}) do key('timelines', told .. ref) end
if home and id then
  field('memberships', CASE .. home, 'member:' .. id)
  field('memberships', CASE .. home, 'rested:' .. id)
end
if not is_trial then lives_by(row, '') end
key('rows', row)
-- Work of subjects that are older than this may be missing from now on, as after a loss of the store (see CaseRecord.forgotten).
if not is_trial and next(counts) then redis.call('HSET', FORGETTING, 'forgotten', string.format('%.0f', redis_now())) end

local answer = {}
for kind, count in pairs(counts) do
  answer[#answer + 1] = kind
  answer[#answer + 1] = count
end
if is_trial or #answer == 0 then return answer end
if shredded > 0 then shred(shredded) end
note_line(line)
return answer
