-- Functions that all scripts share. Names in capitals come from keys.py.

-- The time (ms) for which arq finds a job queued: in the past in any band, also on a machine whose clock is behind Redis's.
-- Bands below 0 lie close together, because their times, too, must be in the past.
local function queued_at(now, band)
  return now - ((band < 0 and band / 10 or band) + 1) * ARQ.BAND_MS
end

-- Call a worker that waits for work, one of several. Who hears it takes the ring away; nobody need hear it.
local function ring()
  if redis.call('EXISTS', ARQ.BELL) == 1 then return end
  redis.call('ZADD', ARQ.BELL, 0, 'ring')
  redis.call('PEXPIRE', ARQ.BELL, ARQ.RING_MS)
end

-- Put a job into arq's queue, as arq.connections.enqueue_job would, for work in the given band, and call a worker. In its band
-- its place is that of work which waits since `since`, or since now.
local function enqueue(job_id, name, argument, now, band, since)
  local job = cjson.encode({t = cjson.null, f = name, a = {argument}, k = {}, et = now})
  redis.call('SET', ARQ.JOB .. job_id, job, 'PX', ARQ.JOB_TTL_MS)
  redis.call('ZADD', ARQ.QUEUE, queued_at(since or now, band), job_id)
  ring()
end

-- Queue a new wake-up for the case, delivery or scan that has this row. A job id is used once: arq drops a job whose id it
-- has just finished.
local function wake(row, name, argument, now, band, since)
  local number = redis.call('HINCRBY', row, 'wakes', 1)
  enqueue(name .. ':' .. argument .. ':' .. number, name, argument, now, band, since)
end

-- The id of the row's last wake-up where it still waits in the queue, otherwise false. A job that is being run, perhaps by a
-- worker that died, does not wait.
local function waits(row, name, argument)
  local number = redis.call('HGET', row, 'wakes')
  if not number then return false end
  local job_id = name .. ':' .. argument .. ':' .. number
  if redis.call('EXISTS', ARQ.IN_PROGRESS .. job_id) == 1 then return false end
  return redis.call('ZSCORE', ARQ.QUEUE, job_id) and job_id or false
end

-- Queue a wake-up, or, where one waits, bring it forward if this trigger is more urgent.
local function wake_once(row, name, argument, now, band, since)
  local waiting = waits(row, name, argument)
  if waiting then
    redis.call('ZADD', ARQ.QUEUE, 'XX', 'LT', queued_at(since or now, band), waiting)
  else
    wake(row, name, argument, now, band, since)
  end
end

-- Whether a job waits that reads deliveries. One that a worker has in hand, perhaps one that died, does not wait.
local function reader_waits()
  local last = redis.call('GET', ARQ.READER)
  return last and redis.call('EXISTS', ARQ.IN_PROGRESS .. last) == 0 and redis.call('ZSCORE', ARQ.QUEUE, last)
end

-- A delivery waits to be read: have a worker read it, and with it all others that nobody has taken up. One job is for all that
-- come in while it waits. Returns whether one was queued. `wakes` in the row makes its id another one each time, as in wake.
local function await_reader(id, now)
  redis.call('ZADD', UNREAD, 'NX', now, id)
  if reader_waits() then return false end
  local job_id = 'read_delivery:' .. id .. ':' .. redis.call('HINCRBY', INBOX .. id, 'wakes', 1)
  enqueue(job_id, 'read_delivery', id, now, 5)
  redis.call('SET', ARQ.READER, job_id, 'PX', ARQ.JOB_TTL_MS)
  return true
end

-- When this Redis was first used (ms). A server that was started again, and a replica that was promoted, may lack the last
-- writes, or may have loaded a backup: it counts as new. A server that does not tell its run id counts as the same one.
-- A stored time that is in the future, because the server that wrote it had a clock ahead of this one's, becomes now.
local function beginning(now)
  local told = redis.pcall('INFO', 'server')
  local server = type(told) == 'string' and told:match('run_id:(%x+)')
  local born = tonumber(redis.call('GET', BORN) or '')
  local is_another = server and redis.call('GET', SERVER) ~= server
  if is_another then redis.call('SET', SERVER, server) end
  if is_another or not born or born > now then
    redis.call('SET', BORN, now)
    born = now
  end
  return born
end

-- The bytes of one piece of a case's memory: a hash with a longer value takes three times the room (see rows.py).
local PIECE = 64

local function remember(row, memory)
  redis.call('HSET', row, 'memory', string.sub(memory, 1, PIECE))
  local number = 1
  while number * PIECE < #memory do
    redis.call('HSET', row, 'memory:' .. number, string.sub(memory, number * PIECE + 1, (number + 1) * PIECE))
    number = number + 1
  end
  while redis.call('HDEL', row, 'memory:' .. number) == 1 do number = number + 1 end
end

-- Copy the memory of another row to a row that has none.
local function remember_of(row, other)
  if redis.call('HEXISTS', row, 'memory') == 1 then return end
  local name, number = 'memory', 0
  local piece = redis.call('HGET', other, name)
  while piece do
    redis.call('HSET', row, name, piece)
    number = number + 1
    name = 'memory:' .. number
    piece = redis.call('HGET', other, name)
  end
end

-- A case is at rest: write its row anew, because a hash that once had a long value, or many, keeps the room for them.
-- A row with a great many fields is left as it is: unpack would fail between the two commands, and the row would be lost.
local function condense(row)
  redis.call('HDEL', row, 'cause', 'marked_at', 'behind', 'named', 'wake') -- an earlier version kept the last wake-up's id
  local fields = redis.call('HGETALL', row)
  if #fields > 256 then return end
  redis.call('DEL', row)
  redis.call('HSET', row, unpack(fields))
end

-- There is a ticket of a case that has no link to it: the next look must search for it, also where the finding is solved.
local function expect_ticket(row, tracker)
  if redis.call('HEXISTS', row, 'link:' .. tracker) == 0 then
    redis.call('HSETNX', row, 'intent:' .. tracker, 0)
  end
end

-- The band of a row, or `otherwise` for one that has none. What a backfill found waits `behind` all else, in the same order.
local function band_of(row, otherwise)
  local band, behind = unpack(redis.call('HMGET', row, 'band', 'behind'))
  return tonumber(band or otherwise or '0') - (behind and 5 or 0)
end

-- Whether a case that a delivery names is woken by the sweep, and not now: so many deliveries wait to be read that others of them
-- may name it, too, and one look is then for all. Not one that nobody has looked at yet, or that is more urgent than it was, and not for
-- longer than GRACE_MS, whatever else comes in. It is no local name, of which Lua allows 200.
function ARQ.waits_out_storm(ref, row, cause, is_more_urgent)
  if is_more_urgent or string.sub(cause, 1, 8) ~= 'webhook:' or redis.call('ZCARD', UNREAD) < ARQ.STORM then return false end
  return redis.call('HEXISTS', row, 'memory') == 1 and not waits(row, 'look_at_case', ref)
end

-- Mark a case: it must be looked at, because of `cause` (see LookCause in entries.py). Its holder, if there is one, sees the
-- new generation when it lets go. A band below 0 keeps the case's own. `urgency` is the band of this one wake-up where it
-- differs from the case's. `place` is 'behind' where the case waits behind all else unless it waits for a look already, and
-- 'kept' where that stays as it is; otherwise something came in about it, and it waits behind nothing.
local function mark(ref, id, now, band, cause, urgency, place)
  local row = CASE .. ref
  redis.call('HINCRBY', row, 'gen', 1)
  redis.call('HSETNX', row, 'id', id)
  redis.call('HSET', row, 'cause', cause, 'marked_at', now)
  if not place then
    redis.call('HDEL', row, 'behind')
  elseif place == 'behind' and not redis.call('ZSCORE', DIRTY, ref) then
    redis.call('HSET', row, 'behind', 1)
  end
  redis.call('ZADD', DIRTY_SINCE, 'NX', now, ref)
  local before = tonumber(redis.call('HGET', row, 'band') or '0')
  if band < 0 then band = before end
  redis.call('HSET', row, 'band', band)
  if redis.call('EXISTS', LEASE .. ref) == 1 or ARQ.waits_out_storm(ref, row, cause, band > before) then
    redis.call('ZADD', DIRTY, 'LT', now + GRACE_MS, ref) -- if its holder is dead, news must not put the next look off
  else
    redis.call('ZADD', DIRTY, now + GRACE_MS, ref)
    wake_once(row, 'look_at_case', ref, now, urgency or band_of(row))
  end
  list_case(ref, now, nil, true)
end

-- Mark the cases of which ARGV has reference, id and band, from `first` on.
local function mark_all(first, now, cause)
  for i = first, #ARGV, 3 do
    mark(ARGV[i], ARGV[i + 1], now, tonumber(ARGV[i + 2]), cause)
  end
end

-- Keep incidents of a feed, of which ARGV has name and value from `first` on, and mark the cases that follow them.
local function keep_all(feed, first, count, now)
  local cases = first + 2 * count
  for i = first, cases - 1, 2 do redis.call('HSET', INCIDENTS .. feed, ARGV[i], ARGV[i + 1]) end
  mark_all(cases, now, 'feed')
end

-- Note in a case's row the origin (request id and trace) of the delivery or scan that led to its next look. It is kept until
-- a look has ended; of many origins, MOST_ORIGINS are kept at the most.
local function note_origin(ref, row)
  local request_id, trace = unpack(redis.call('HMGET', row, 'request_id', 'trace'))
  if not request_id then return end
  local slot = tonumber(redis.call('HGET', CASE .. ref, 'gen') or '0') % MOST_ORIGINS
  redis.call('HSET', CASE .. ref, 'origin:' .. slot, request_id .. ' ' .. (trace or ''))
end

-- Note in a case's row that a delivery waits for a look at the case: when it was received, and who sent it. It is kept until
-- a look has ended; of several deliveries the first counts. The last arguments are the fields for what it waits for: a
-- ticket, or a change of the status.
local function note_delivery(ref, delivery, ...)
  note_origin(ref, delivery)
  local at, sender = unpack(redis.call('HMGET', delivery, 'at', 'sender'))
  if not at or not sender then return end
  for _, field in ipairs({...}) do redis.call('HSETNX', CASE .. ref, field, at .. ' ' .. sender) end
end

-- A case that a delivery brought has had its first look, or is deleted: it does not count for its sender any more.
local function end_first_look(ref)
  local brought_by = redis.call('HGET', CASE .. ref, 'brought_by')
  if not brought_by then return end
  redis.call('ZREM', FIRST_LOOKS .. brought_by, ref)
  redis.call('HDEL', CASE .. ref, 'brought_by')
end

-- A delivery of this account names a case of which nothing is known. Its number is limited (see accept_delivery.lua).
local function bring(ref, account, now)
  redis.call('HSET', CASE .. ref, 'brought_by', account)
  redis.call('ZADD', FIRST_LOOKS .. account, now, ref)
  redis.call('ZREMRANGEBYSCORE', FIRST_LOOKS .. account, '-inf', now - FIRST_LOOK_MS)
end

-- The account that a delivery is of.
local function account_of(delivery)
  local sender, account = unpack(redis.call('HMGET', INBOX .. delivery, 'sender', 'account'))
  return (sender or '') .. '/' .. (account or '')
end

local function district_of(ref)
  return string.match(ref, '^[^:]*')
end

-- Note that a delivery was quarantined, or that SchoolScan does not know a finding or a scan: what a stranger can bring
-- about has a limit and a lifetime (see trim_set_aside.lua).
local function set_aside(list, member, now)
  redis.call('ZADD', list, now, member)
  redis.call('SADD', SET_ASIDE, list)
end

local function holds(ref, token)
  return redis.call('GET', LEASE .. ref) == token
end

-- A case lives by this rule from now on ('' for none). LIVING counts the cases of each rule.
local function lives_by(row, rule)
  local before = redis.call('HGET', row, 'living') or ''
  if before == rule then return end
  if before ~= '' and redis.call('HINCRBY', LIVING, before, -1) <= 0 then redis.call('HDEL', LIVING, before) end
  if rule == '' then
    redis.call('HDEL', row, 'living')
  else
    redis.call('HINCRBY', LIVING, rule, 1)
    redis.call('HSET', row, 'living', rule)
  end
end

-- A case waits for this system from now on ('' for none), and for no other one.
local function hold_up(ref, system, due)
  local before = redis.call('HGET', CASE .. ref, 'waits_for')
  if before and before ~= system then
    redis.call('ZREM', HELD .. before, ref)
    redis.call('HDEL', CASE .. ref, 'waits_for')
  end
  if system ~= '' then
    redis.call('HSET', CASE .. ref, 'waits_for', system)
    redis.call('ZADD', HELD .. system, due, ref)
    redis.call('SADD', SYSTEMS, system)
  end
end

-- Forget which trackers of this case mappings.yaml does not name.
local function forget_unnamed(ref)
  local before = redis.call('HGET', CASE .. ref, 'unnamed')
  if not before then return end
  for name in string.gmatch(before, '[^,]+') do redis.call('ZREM', UNNAMED .. name, ref) end
  redis.call('HDEL', CASE .. ref, 'unnamed')
end

-- Work is taken up under `token`. A worker that took it up before and did not end it has died, because of this work or during
-- it: that is a crash. Returns false, and changes nothing, where the work is a suspect and is not to be tried alone.
local function begin(name, token, now, alone)
  local key = BEGUN .. name
  local before = redis.call('HGET', key, 'token')
  if before == token then return true end -- asked again, as the answer was lost
  local crashes = tonumber(redis.call('HGET', key, 'crashes') or '0') + (before and 1 or 0)
  if crashes >= SUSPICIOUS and crashes < MOST_CRASHES and not alone then return false end
  if before then
    local at = redis.call('HGET', key, 'at')
    redis.call('HSETNX', key, 'first', at)
    redis.call('HSET', key, 'crashes', crashes, 'last', at, 'blamed', before)
  end
  redis.call('HSET', key, 'token', token, 'at', now)
  return true
end

-- Work is in nobody's hands any more, and says nothing of what killed its workers before: its crashes still count.
local function broken_off(name)
  redis.call('HDEL', BEGUN .. name, 'token', 'at')
end

-- Work has ended, and its crashes are forgotten. Work with too many crashes was not begun, only parked: it keeps them.
local function ended(name)
  if tonumber(redis.call('HGET', BEGUN .. name, 'crashes') or '0') < MOST_CRASHES then
    redis.call('DEL', BEGUN .. name)
  else
    broken_off(name)
  end
end

-- Adds its crashes to a row (a list of fields and values, as HGETALL returns it). Returns the row.
local function with_crashes(row, name)
  for i, value in ipairs(redis.call('HMGET', BEGUN .. name, 'crashes', 'first', 'last')) do
    row[#row + 1] = ({'crashes', 'crashed_first', 'crashed_last'})[i]
    row[#row + 1] = value or '0'
  end
  return row
end

-- Note that something sealed was deleted: until its file is rewritten, Redis still has it there.
local function shred(count)
  redis.call('HINCRBY', SHREDDED, 'count', count or 1)
end

-- What parked work has in common is kept as groups, so that a page of ten thousand pieces reads some groups. Of a group: kind,
-- district, system, error, status, action and the shape of the words (see parked/groups.py), a line each.

-- Take a piece of parked work off its group, and forget a group that has none left.
function NOTED.off_group(group, name)
  redis.call('ZREM', NOTED.PARKED_GROUP .. group, name)
  if redis.call('EXISTS', NOTED.PARKED_GROUP .. group) == 0 then redis.call('HDEL', NOTED.PARKED_GROUPS, group) end
end

-- Put a piece of parked work, whose row is written, into its group. Of very many groups those with words of new shapes are one.
function NOTED.into_group(name, at)
  local row = PARKED_ROW .. name
  local parts = redis.call('HMGET', row, 'kind', 'district', 'system', 'error', 'status', 'action', 'shape')
  for i = 1, #parts do parts[i] = parts[i] or '' end
  local words = table.concat(parts, '\n')
  local group = string.sub(redis.sha1hex(words), 1, 16)
  if parts[7] ~= '' and redis.call('HEXISTS', NOTED.PARKED_GROUPS, group) == 0
    and redis.call('HLEN', NOTED.PARKED_GROUPS) >= NOTED.MOST_PARKED_GROUPS then
    parts[7] = ''
    words = table.concat(parts, '\n')
    group = string.sub(redis.sha1hex(words), 1, 16)
  end
  local former = redis.call('HGET', row, 'group')
  if former and former ~= group then NOTED.off_group(former, name) end
  redis.call('HSET', NOTED.PARKED_GROUPS, group, words)
  redis.call('ZADD', NOTED.PARKED_GROUP .. group, at, name)
  redis.call('HSET', row, 'group', group)
end

-- Take a piece off the list of parked work, with its row. Returns 1; 0 where it had none.
function NOTED.off_parked(name)
  local group = redis.call('HGET', PARKED_ROW .. name, 'group')
  redis.call('ZREM', PARKED, name)
  if group then NOTED.off_group(group, name) end
  return redis.call('DEL', PARKED_ROW .. name)
end

-- A delivery has been read: shred its body, keep its fingerprint for `lifetime` (ms), and take it off every list.
local function close_delivery(id, lifetime, state)
  local row, name = INBOX .. id, 'delivery/' .. id
  redis.call('HSET', row, 'state', state or 'done')
  if redis.call('HDEL', row, 'body') == 1 then shred() end
  for _, list in ipairs({PENDING, PENDING_SINCE, UNREAD}) do redis.call('ZREM', list, id) end
  redis.call('PEXPIRE', row, lifetime)
  ended(name)
  NOTED.off_parked(name)
end

-- Add a line of the audit, which then waits to be chained; '' adds nothing. A script that may be repeated must add it once.
local function note_line(line)
  if line ~= '' then redis.call('XADD', AUDIT_WAITING, '*', 'l', line) end
end
