-- with ticket_index.lua, tracker_budgets.lua, deleting.lua, delivery_lists.lua
-- Delete what was set aside for too long, or beyond what one account or district may have: quarantined deliveries, and
-- findings and scans that SchoolScan did not know at the first look. ARGV: now; how long (ms) a quarantined delivery is kept,
-- and what was not found; how many of the latter a district may have; how many are deleted at the most; what the lines of
-- the audit speak of, in the form of the answer; to look at one district only, that district, otherwise ''; the case of it
-- that was looked at just now without a finding or a ticket ('' for none); and these lines.
-- Returns 1 if it was done, otherwise 0; and for each list: its name, how many of it are to be deleted as their time is over,
-- and how many to make room. Where the lines speak of anything else, nothing is deleted.
local now, quarantined_ms, not_found_ms = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local most, left, answer, due = tonumber(ARGV[4]), tonumber(ARGV[5]), {}, {}
-- Looks let the list of a district grow a little beyond its limit: one line of the audit then speaks of many pieces.
local slack = ARGV[7] == '' and 0 or math.floor(most / 10)

local function delete_quarantined(id)
  NOTED.unlist_delivery(id)
  redis.call('DEL', INBOX .. id, BEGUN .. 'delivery/' .. id)
  shred()
  drop_parked('delivery/' .. id)
end

local function delete_scan(ref)
  redis.call('DEL', SCAN .. ref, BEGUN .. ref)
  redis.call('ZREM', NOTED.SCANS_OF .. district_of(ref), ref)
  drop_parked(ref .. '/list')
end

-- Nothing is remembered of such a case but that nobody knows it. One that has a ticket, or may have one, is another thing.
local function is_deletable(ref)
  if redis.call('ZSCORE', DIRTY, ref) or redis.call('EXISTS', LEASE .. ref) == 1 then return false end
  local fields = redis.call('HGETALL', CASE .. ref)
  for i = 1, #fields, 2 do
    local kind = string.match(fields[i], '^([a-z_]+):')
    local may_have_ticket = kind == 'link' or kind == 'member' or (kind == 'intent' and fields[i + 1] ~= '0')
    if may_have_ticket or fields[i] == 'home' then return false end
  end
  return #fields > 0
end

local function is_quarantine(list)
  return string.sub(list, 1, #QUARANTINED) == QUARANTINED
end

-- Whether this is what the list says, and goes without a loss.
local function is_due(list, member)
  if is_quarantine(list) then return redis.call('HGET', INBOX .. member, 'state') == 'quarantined' end
  local ref, action = string.match(member, '^(.*)/([a-z]+)$')
  if action == 'list' then return redis.call('HGET', SCAN .. ref, 'state') == 'parked' end
  return is_deletable(ref)
end

local function delete(list, member)
  redis.call('ZREM', list, member)
  if is_quarantine(list) then return delete_quarantined(member) end
  local ref, action = string.match(member, '^(.*)/([a-z]+)$')
  if action == 'list' then return delete_scan(ref) end
  delete_case(ref)
end

-- Those of these members that are due. The others are taken off the list.
local function due_of(list, members)
  local found = {}
  for _, member in ipairs(members) do
    if is_due(list, member) then
      found[#found + 1] = member
    else
      redis.call('ZREM', list, member)
    end
  end
  left = left - #members
  return found
end

-- Take off a long list what is not quarantined any more: a worker of an earlier version leaves it there.
local function correct(list)
  if redis.call('ZCARD', list) < 100 then return end
  for _, id in ipairs(redis.call('ZRANGE', list, 0, 299)) do
    if redis.call('HGET', INBOX .. id, 'state') ~= 'quarantined' then redis.call('ZREM', list, id) end
  end
end

-- Find what of this list is to be deleted.
local function look_at(list)
  local quarantine = is_quarantine(list)
  if quarantine then correct(list) end
  local until_ms = now - (quarantine and quarantined_ms or not_found_ms)
  local over = due_of(list, redis.call('ZRANGEBYSCORE', list, '-inf', until_ms, 'LIMIT', 0, math.max(left, 0)))
  local excess = redis.call('ZCARD', list) - #over - most
  local room = {}
  if not quarantine and excess > slack then
    room = due_of(list, redis.call('ZRANGE', list, #over, #over + math.min(excess, left) - 1))
  end
  due[list] = {over, room}
  if #over + #room > 0 then
    for _, each in ipairs({list, #over, #room}) do answer[#answer + 1] = each end
  end
end

local function trim(list)
  local over, room = unpack(due[list])
  for _, member in ipairs(over) do delete(list, member) end
  for _, member in ipairs(room) do delete(list, member) end
  if redis.call('EXISTS', list) == 0 then redis.call('SREM', SET_ASIDE, list) end
  if #room > 0 then
    redis.call('HINCRBY', DELETED, list, #room)
    redis.call('HSET', DELETED, 'at:' .. list, now)
  end
end

-- Put what an earlier version has set aside onto the lists, some of it each time, from where the last time ended. Nothing that
-- needs memory is done where all is there already: a full server must let this script delete.
local function list_earlier(list, member, at)
  if not redis.call('ZSCORE', list, member) then set_aside(list, member, at) end
end

local function group_earlier(name, kind, subject, at)
  NOTED.into_group(name, at)
  local state = ({delivery = 'parked', quarantined = 'quarantined'})[kind]
  if state then NOTED.list_delivery(subject, state, 0, now) end
end

local function take_up_earlier()
  local from = redis.call('GET', SET_ASIDE_SEEN) or '0'
  local page = redis.call('ZRANGEBYSCORE', PARKED, '(' .. from, '+inf', 'WITHSCORES', 'LIMIT', 0, 200)
  for i = 1, #page, 2 do
    local name, at = page[i], page[i + 1]
    local kind, subject, fault, group = unpack(redis.call('HMGET', PARKED_ROW .. name, 'kind', 'subject', 'error', 'group'))
    if kind and not group then group_earlier(name, kind, subject, at) end
    if kind == 'quarantined' then
      list_earlier(QUARANTINED .. account_of(subject), subject, at)
    elseif (kind == 'case' or kind == 'scan') and fault == 'NotFound' then
      list_earlier(NOT_FOUND .. district_of(subject), name, at)
    end
  end
  local reached = #page == 400 and page[#page] or '0'
  if reached ~= from then redis.call('SET', SET_ASIDE_SEEN, reached) end
end

if ARGV[7] ~= '' then
  if ARGV[8] ~= '' then set_aside(NOT_FOUND .. ARGV[7], ARGV[8] .. '/look', now) end
  look_at(NOT_FOUND .. ARGV[7])
else
  take_up_earlier()
  for _, list in ipairs(redis.call('SMEMBERS', SET_ASIDE)) do
    if left > 0 then look_at(list) end
  end
end
local is_told = table.concat(answer, '\n') == ARGV[6]
if is_told then
  for list in pairs(due) do trim(list) end
  for i = 9, #ARGV do note_line(ARGV[i]) end
end
return {is_told and 1 or 0, unpack(answer)}
