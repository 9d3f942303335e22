-- What all scripts share; the names in capitals come from keys.py.

-- The moment that arq takes a job to be for: in the past in any band, also for a machine whose clock is behind Redis's.
local function queued_at(now, band)
  return now - (band + 1) * BAND_MS
end

-- Put a job into arq's queue, as arq.connections.enqueue_job would, for work in the given band.
local function enqueue(job_id, name, argument, now, band)
  local job = cjson.encode({t = cjson.null, f = name, a = {argument}, k = {}, et = now})
  redis.call('SET', JOB .. job_id, job, 'PX', JOB_TTL_MS)
  redis.call('ZADD', QUEUE, queued_at(now, band), job_id)
end

-- A new wake-up for the thing whose row this is. Ids are never used twice: arq drops an id that it has just finished.
local function wake(row, name, argument, now, band)
  local number = redis.call('HINCRBY', row, 'wakes', 1)
  enqueue(name .. ':' .. argument .. ':' .. number, name, argument, now, band)
end

-- Whether the row's last wake-up still waits in the queue (and is not being run, perhaps by a worker that died).
local function waits(row, name, argument)
  local number = redis.call('HGET', row, 'wakes')
  if not number then return false end
  local job_id = name .. ':' .. argument .. ':' .. number
  if redis.call('EXISTS', IN_PROGRESS .. job_id) == 1 then return false end
  return redis.call('ZSCORE', QUEUE, job_id) and job_id or false
end

-- Wake, or move the wake-up that waits already forward if this trigger is more urgent.
local function wake_once(row, name, argument, now, band)
  local waiting = waits(row, name, argument)
  if waiting then
    redis.call('ZADD', QUEUE, 'XX', 'LT', queued_at(now, band), waiting)
  else
    wake(row, name, argument, now, band)
  end
end

-- When this Redis began (ms). A server that was started again, and a replica that was promoted, may lack what was written
-- last, or have come up with a backup: it begins anew. One that does not tell its run id is taken for the same.
-- What a Redis wrote whose clock was ahead of this one's would be waited for until then: it was now at the latest.
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

-- What a case remembers lies in pieces: a hash with a longer value takes three times the room (see rows.py).
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

-- A case that remembers nothing remembers what another one does.
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

-- A case is at rest. A hash that once had a long value, or many, keeps the room for them: it is written anew.
-- Nothing may go wrong between the two commands: of a hash with a great many fields unpack would.
local function condense(row)
  redis.call('HDEL', row, 'cause', 'marked_at', 'wake') -- an earlier version kept the last wake-up's id
  local fields = redis.call('HGETALL', row)
  if #fields > 256 then return end
  redis.call('DEL', row)
  redis.call('HSET', row, unpack(fields))
end

-- Here is a ticket of a case that knows of none: its next look must search, also where the finding is solved.
local function expect_ticket(row, tracker)
  if redis.call('HEXISTS', row, 'link:' .. tracker) == 0 then
    redis.call('HSETNX', row, 'intent:' .. tracker, 0)
  end
end

-- A case must be looked at, and why (see entries.py). Its holder, if there is one, sees the new generation when it lets
-- go. `urgency` is the band of this one wake-up, where it is not the case's own.
local function mark(ref, id, now, band, cause, urgency)
  local row = CASE .. ref
  redis.call('HINCRBY', row, 'gen', 1)
  redis.call('HSETNX', row, 'id', id)
  redis.call('HSET', row, 'cause', cause, 'marked_at', now)
  redis.call('ZADD', DIRTY_SINCE, 'NX', now, ref)
  if band < 0 then band = tonumber(redis.call('HGET', row, 'band') or '0') end
  redis.call('HSET', row, 'band', band)
  if redis.call('EXISTS', LEASE .. ref) == 1 then
    redis.call('ZADD', DIRTY, 'LT', now + GRACE_MS, ref) -- if its holder is dead, news must not put the next look off
  else
    redis.call('ZADD', DIRTY, now + GRACE_MS, ref)
    wake_once(row, 'look_at_case', ref, now, urgency or band)
  end
  list_case(ref, now, nil, true)
end

-- ARGV from `first` on: reference, id, band of each case to mark.
local function mark_all(first, now, cause)
  for i = first, #ARGV, 3 do
    mark(ARGV[i], ARGV[i + 1], now, tonumber(ARGV[i + 2]), cause)
  end
end

-- A look at this case comes of a delivery, or of a scan that one named: by which request, and in which trace, until a
-- look has come to an end. Of many that come meanwhile a few are kept.
local function note_origin(ref, row)
  local request_id, trace = unpack(redis.call('HMGET', row, 'request_id', 'trace'))
  if not request_id then return end
  local slot = tonumber(redis.call('HGET', CASE .. ref, 'gen') or '0') % MOST_ORIGINS
  redis.call('HSET', CASE .. ref, 'origin:' .. slot, request_id .. ' ' .. (trace or ''))
end

-- A look at this case is owed to a delivery: when that was received, and of whom, until a look has come to an end. The
-- first of several counts. `fields` are those of the row that say for what: a ticket, or a change of the status.
local function note_delivery(ref, delivery, ...)
  note_origin(ref, delivery)
  local at, sender = unpack(redis.call('HMGET', delivery, 'at', 'sender'))
  if not at or not sender then return end
  for _, field in ipairs({...}) do redis.call('HSETNX', CASE .. ref, field, at .. ' ' .. sender) end
end

local function band_of(row)
  return tonumber(redis.call('HGET', row, 'band') or '0')
end

local function holds(ref, token)
  return redis.call('GET', LEASE .. ref) == token
end

-- A case lives by this rule from now on; '' where it is over. How many do is counted, by rule.
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

-- A case waits for this system from now on, and for none before it; '' is none.
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

-- Nothing is told any more of trackers of this case that mappings.yaml does not name.
local function forget_unnamed(ref)
  local before = redis.call('HGET', CASE .. ref, 'unnamed')
  if not before then return end
  for name in string.gmatch(before, '[^,]+') do redis.call('ZREM', UNNAMED .. name, ref) end
  redis.call('HDEL', CASE .. ref, 'unnamed')
end

-- Work is taken up by `token`. Whoever took it up before and came to no end has died over it, or beside it.
-- Returns false, and changes nothing, where it is suspected of the former and is not to be tried alone.
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

-- Work came to an end. What has crashed too often was not begun, only parked: that must not clear it.
local function ended(name)
  local key = BEGUN .. name
  if tonumber(redis.call('HGET', key, 'crashes') or '0') < MOST_CRASHES then
    redis.call('DEL', key)
  else
    redis.call('HDEL', key, 'token', 'at')
  end
end

-- A row as HGETALL answers it, with its crashes.
local function with_crashes(row, name)
  for i, value in ipairs(redis.call('HMGET', BEGUN .. name, 'crashes', 'first', 'last')) do
    row[#row + 1] = ({'crashes', 'crashed_first', 'crashed_last'})[i]
    row[#row + 1] = value or '0'
  end
  return row
end

-- A delivery has been read: shred its body, keep its fingerprint for `lifetime` (ms), and take it off every list.
local function close_delivery(id, lifetime, state)
  local row, name = INBOX .. id, 'delivery/' .. id
  redis.call('HSET', row, 'state', state or 'done')
  redis.call('HDEL', row, 'body')
  redis.call('ZREM', PENDING, id)
  redis.call('ZREM', PENDING_SINCE, id)
  redis.call('PEXPIRE', row, lifetime)
  ended(name)
  redis.call('DEL', PARKED_ROW .. name)
  redis.call('ZREM', PARKED, name)
end
