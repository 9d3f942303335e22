-- with ticket_index.lua, ticket_changes.lua, listeners.lua, delivery_lists.lua
-- Deliveries have been read. ARGV: the token under which they were taken up together or '', now, lifetime of their fingerprints
-- (ms), then for each delivery its id, what it says, and six more:
--   'case': reference, id and band of the case to mark
--   'scan': reference, id, and 'started' or 'listing'
--   'ticket': tracker, ticket id, version, reference and id of its case, and its key where it is as it was opened, else ''
--   'foreign', a ticket that is not ours; 'ignored', an event that we do not know; 'nothing'
-- Returns for each an error, or '' if it was finished already, or else 'done', 'ignored', 'marked', 'known' where we know this version
-- of the ticket or a newer one, or it is as a look has opened it, or 'foreign'.
local token, now, kept_ms = ARGV[1], tonumber(ARGV[2]), ARGV[3]

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

local function note_case(_, row, ref, case, band)
  local sender, account = unpack(redis.call('HMGET', row, 'sender', 'account'))
  if redis.call('EXISTS', CASE .. ref) == 0 then bring(ref, (sender or '') .. '/' .. (account or ''), now) end
  mark(ref, case, now, tonumber(band), 'webhook:' .. (sender or ''))
  note_delivery(ref, row, 'awaited:ticket', 'awaited:status')
  return 'done'
end

-- A scan's row expires once its listing is done, as a fingerprint does, and never while it is listed or parked.
local function note_scan(_, row, scan, scan_id, state_said)
  local scan_row = SCAN .. scan
  redis.call('HSETNX', scan_row, 'id', scan_id)
  redis.call('HSETNX', scan_row, 'state', state_said) -- 'started' may come late: it never ends a listing
  redis.call('HSET', scan_row, 'at', now, 'kept_ms', kept_ms)
  pcall(NOTED.keep_newest, NOTED.SCANS_OF .. district_of(scan), now, scan, kept_ms, now)
  local state = redis.call('HGET', scan_row, 'state')
  if state_said == 'listing' then
    redis.call('PERSIST', scan_row)
    redis.call('HDEL', scan_row, 'request_id', 'trace') -- the origin of an earlier listing
    for _, name in ipairs({'request_id', 'trace'}) do
      local value = redis.call('HGET', row, name)
      if value then redis.call('HSET', scan_row, name, value) end
    end
    redis.call('HSET', scan_row, 'state', 'listing', 'cursor', '', 'pages', 0, 'marked', 0, 'attempts', 0)
    redis.call('HSET', scan_row, 'completed_at', redis.call('HGET', row, 'at'))
    redis.call('HDEL', scan_row, 'left_out') -- of an earlier listing
    redis.call('DEL', BEGUN .. scan)
    NOTED.off_parked(scan .. '/list') -- all of it is listed: nothing is left to replay
    redis.call('ZADD', SCANS, now + GRACE_MS, scan)
    wake_once(scan_row, 'page_scan', scan, now, 5)
  elseif state ~= 'listing' and state ~= 'parked' then
    redis.call('PEXPIRE', scan_row, kept_ms)
  end
  return 'done'
end

local function note_ticket(id, row, tracker, ticket, version, ref, case, opened_as)
  if is_older(version, known_version(tracker, ticket)) then return 'known' end
  if redis.call('EXISTS', CASE .. ref) == 0 then bring(ref, account_of(id), now) end
  if mark_change(tracker, ticket, version, ref, case, now, 'webhook:' .. tracker, opened_as) ~= 1 then return 'known' end
  note_delivery(ref, row, 'awaited:status')
  return 'marked'
end

local acts = {case = note_case, scan = note_scan, ticket = note_ticket}

local function finish(id, said, ...)
  local row = INBOX .. id
  if redis.call('HGET', row, 'state') ~= 'received' then return '' end
  local outcome = acts[said] and acts[said](id, row, ...) or said
  local state = said == 'ignored' and said or 'done'
  close_delivery(id, kept_ms, state)
  NOTED.list_delivery(id, state, kept_ms, now)
  tell_listeners(id, outcome)
  return outcome
end

-- An error is the trouble of the one delivery that meets it, unless it is the server's, which all others then meet, too.
local answers = {}
for i = 4, #ARGV, 8 do
  local ok, answer = pcall(finish, unpack(ARGV, i, i + 7))
  if ok then
    redis.call('SREM', TAKEN .. token, ARGV[i])
  else
    answer = {err = type(answer) == 'table' and answer.err or answer}
  end
  answers[#answers + 1] = answer
end
return answers
