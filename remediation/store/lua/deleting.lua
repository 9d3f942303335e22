-- What scripts share that delete a case with all that is kept of it. They need ticket_index.lua and
-- tracker_budgets.lua, too.

-- Take parked work off the list of it, and shred its words.
local function drop_parked(name)
  if NOTED.off_parked(name) > 0 then shred() end
  redis.call('DEL', REPLAYS .. name)
end

-- What is made for the summary of a scan: the counting of its findings, and its report. Nothing for any other case.
local function made_for(ref)
  local district, scan = string.match(ref, '^([^:]*):summary:(.+)$')
  return district and {district .. ':count:' .. scan, district .. ':report:' .. scan} or {}
end

local function delete_scan_row(ref)
  redis.call('DEL', SCAN .. ref, BEGUN .. ref)
  redis.call('ZREM', SCANS, ref)
  redis.call('ZREM', NOT_FOUND .. district_of(ref), ref .. '/list')
  drop_parked(ref .. '/list')
end

-- Delete the row of a case and what lies elsewhere because of it. Where its tickets' changes lead is forgotten, too: the mark
-- that a ticket carries still names the case, and the case is then one of which nothing is known.
local function delete_case(ref)
  local row = CASE .. ref
  for _, field in ipairs(redis.call('HKEYS', row)) do
    local kind, rest = string.match(field, '^([a-z_]+):(.+)$')
    if kind == 'parked' or kind == 'given_up' then
      drop_parked(ref .. '/' .. rest)
    elseif kind == 'link' then
      local ticket, key = unpack(cjson.decode(redis.call('HGET', row, field)))
      if case_of_ticket(rest, ticket) == ref then forget_version(rest, ticket) end
      drop_ticket(rest, ticket, key, ref)
    end
  end
  local number = redis.call('HGET', row, 'listed')
  local name = number and redis.call('HGET', CASE_LISTS, '#' .. number)
  if name then off_list(ref, number, name) end
  NOTED.note_open(ref, '')
  hold_up(ref, '')
  local budget = redis.call('HGET', row, 'budget')
  if budget then redis.call('ZREM', BUDGETING.WAITS .. budget, ref) end
  for _, access in ipairs({'read', 'write'}) do -- what was promised to it
    redis.call('ZREM', BUDGETING.OUT .. 'schoolscan:' .. district_of(ref) .. '/' .. access, 'for:' .. ref)
  end
  for _, each in ipairs(redis.call('SMEMBERS', BUDGETING.TRACKERS)) do tracker_budgets.give_back(each, ref) end
  local site = redis.call('HGET', row, 'verify:site')
  if site then redis.call('HDEL', VERIFICATION_CASES .. site, ref) end
  for _, each in ipairs(made_for(ref)) do delete_scan_row(each) end
  lives_by(row, '')
  forget_unnamed(ref)
  end_first_look(ref)
  redis.call('ZREM', NOT_FOUND .. district_of(ref), ref .. '/look')
  for _, list in ipairs({APPOINTMENTS, DIRTY, DIRTY_SINCE}) do redis.call('ZREM', list, ref) end
  redis.call('DEL', row, LEASE .. ref, BEGUN .. ref, TOLD .. ref, APART .. ref, TIMELINE .. ref)
end
