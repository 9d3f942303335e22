-- with ticket_index.lua, tracker_budgets.lua, deleting.lua
-- Delete all that is kept of one case, in one step. ARGV: reference, '1' to count only, or '', a line of the audit or '', the
-- case of an identity to which the finding belongs or '' where only its row tells, the finding's id or '' likewise, then what
-- its row may not know (any more): how many spots follow, and these; how many actions of the case, and these; ids of its jobs.
-- Returns 'held' where a worker looks at the case, or at the one to which the finding belongs: it would write again. Returns
-- 'members' where the case is one of an identity, and findings still belong to it: they go first. Nothing is changed then.
-- Neither where entries are only counted. Otherwise how many entries of each kind there were: kind, number, and so on; nothing
-- for a case of which nothing is kept. The line is added where something was deleted.
local ref, is_trial, line = ARGV[1], ARGV[2] == '1', ARGV[3]
local row, district, name = CASE .. ref, district_of(ref), string.match(ref, '^[^:]*:incident:(.+)$')
if not is_trial and redis.call('EXISTS', LEASE .. ref) == 1 then return 'held' end

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
if home and not is_trial and redis.call('EXISTS', LEASE .. home) == 1 then return 'held' end
local last_spot = 6 + tonumber(ARGV[6])
local last_action = last_spot + 1 + tonumber(ARGV[last_spot + 1])
for i = last_spot + 2, last_action do actions[ARGV[i]] = true end

-- Each of these notes how many entries of a kind there are.
local counts = {}

local function note(kind, count)
  if count > 0 then counts[kind] = (counts[kind] or 0) + count end
end

local function note_key(kind, key)
  note(kind, redis.call('EXISTS', key))
end

local function note_field(kind, hash, field)
  note(kind, redis.call('HEXISTS', hash, field))
end

local function note_member(kind, list, member)
  note(kind, redis.call('ZSCORE', list, member) and 1 or 0)
end

local KEPT_JOBS = 8 -- a job is queued only where the one before is not; of those that are being run, few can be left

local function jobs_of_case()
  local jobs, last = {}, tonumber(fields.wakes or '0')
  for number = math.max(1, last - KEPT_JOBS), last do jobs['look_at_case:' .. ref .. ':' .. number] = true end
  for i = last_action + 1, #ARGV do jobs[ARGV[i]] = true end
  return jobs
end

-- The hashes that have a field for this incident: what each feed showed of it, and what was told of it.
local function hashes_of_incident()
  local hashes = {}
  if not name then return hashes end
  for _, feed in ipairs(redis.call('HKEYS', FEEDS)) do
    if string.match(feed, '^[^/]*') == district then hashes[#hashes + 1] = INCIDENTS .. feed end
  end
  hashes[#hashes + 1] = INCIDENTS_TOLD .. district
  return hashes
end

local jobs, hashes, memberships = jobs_of_case(), hashes_of_incident(), {}
if home and id then memberships = {'member:' .. id, 'seen:' .. id, 'joined:' .. id, 'rested:' .. id} end

for i = 7, last_spot do note_field('relations', SPOT .. ARGV[i], ref) end
for _, list in ipairs({DIRTY, DIRTY_SINCE, APPOINTMENTS}) do note_member('waiting', list, ref) end
note_member('waiting', NOT_FOUND .. district, ref .. '/look')
if fields.waits_for then note_member('waiting', HELD .. fields.waits_for, ref) end
if fields.budget then note_member('waiting', BUDGETING.WAITS .. fields.budget, ref) end
if fields.brought_by then note_member('waiting', FIRST_LOOKS .. fields.brought_by, ref) end
if fields['verify:site'] then note_field('waiting', VERIFICATION_CASES .. fields['verify:site'], ref) end
for tracker in string.gmatch(fields.unnamed or '', '[^,]+') do note_member('waiting', UNNAMED .. tracker, ref) end
if fields.listed then note_field('lists', CASE_LISTS, '#' .. fields.listed) end
for _, ticket in ipairs(tickets) do
  note('tickets', case_of_ticket(ticket.tracker, ticket.id) == ref and 1 or 0)
end
for action in pairs(actions) do
  note_key('parked', PARKED_ROW .. ref .. '/' .. action)
  note_key('counters', REPLAYS .. ref .. '/' .. action)
end
note_key('counters', BEGUN .. ref)
for job in pairs(jobs) do note_key('jobs', ARQ.JOB .. job) end
for _, hash in ipairs(hashes) do note_field('incidents', hash, name) end
if name then note_field('decisions', DECISIONS .. district, name) end
for _, told in ipairs({TOLD, APART, TIMELINE}) do note_key('timelines', told .. ref) end
if memberships[1] then note_field('memberships', CASE .. home, memberships[1]) end -- the others are what is known of it
for _, each in ipairs(made_for(ref)) do note_key('scans', SCAN .. each) end
note_key('rows', row)

local answer = {}
for kind, count in pairs(counts) do
  answer[#answer + 1] = kind
  answer[#answer + 1] = count
end
if is_trial or #answer == 0 then return answer end

for i = 7, last_spot do redis.call('HDEL', SPOT .. ARGV[i], ref) end
for action in pairs(actions) do drop_parked(ref .. '/' .. action) end
for job in pairs(jobs) do
  redis.call('DEL', ARQ.JOB .. job)
  redis.call('ZREM', ARQ.QUEUE, job)
end
for _, hash in ipairs(hashes) do redis.call('HDEL', hash, name) end
if name then redis.call('HDEL', DECISIONS .. district, name) end
if fields['verify:site'] then redis.call('HDEL', VERIFICATION_CASES .. fields['verify:site'], ref) end
for _, member in ipairs(memberships) do redis.call('HDEL', CASE .. home, member) end
delete_case(ref)
-- Work of subjects that are older than this may be missing from now on, as after a loss of the store (see CaseRecord.forgotten).
redis.call('HSET', FORGETTING, 'forgotten', string.format('%.0f', redis_now()))
shred(1 + (counts.incidents or 0)) -- the row was not sealed, and is to leave the append-only file as well
note_line(line)
return answer
