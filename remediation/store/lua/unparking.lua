-- What scripts share that take parked work up again or give it up.

-- Take this work off the list of parked work, and replay or discard it. `lifetime` (ms) is that of what is left, `most` how many
-- replays there may have been before this one, or nil for any number.
-- Returns 1; 0 if no such work is parked, or its scan is not known any more; 2 if it was replayed too often.
local function unpark(name, now, replay, lifetime, most)
  local row = PARKED_ROW .. name
  local kind, subject, action, fault = unpack(redis.call('HMGET', row, 'kind', 'subject', 'action', 'error'))
  if not kind then return 0 end
  if replay and most and tonumber(redis.call('GET', REPLAYS .. name) or '0') >= most then return 2 end
  if NOTED.off_parked(name) == 1 then shred() end -- its words
  if kind == 'quarantined' then
    redis.call('ZREM', QUARANTINED .. account_of(subject), subject)
  elseif kind == 'scan' then
    redis.call('ZREM', NOT_FOUND .. district_of(subject), name)
  end
  if replay and kind == 'scan' and redis.call('HEXISTS', SCAN .. subject, 'id') == 0 then return 0 end
  local begun = BEGUN .. ((kind == 'delivery' or kind == 'quarantined') and name or subject)
  if replay then
    redis.call('INCR', REPLAYS .. name)
    redis.call('PEXPIRE', REPLAYS .. name, lifetime)
    -- Work that killed its workers is tried once more, alone. If it kills one more worker, it is parked again.
    if fault == 'Poison' then redis.call('HSET', begun, 'crashes', MOST_CRASHES - 1) end
  else
    redis.call('DEL', REPLAYS .. name)
    redis.call('PEXPIRE', begun, lifetime)
  end
  if kind == 'action' or kind == 'case' then
    local case = CASE .. subject
    if replay then
      redis.call('HDEL', case, 'parked:' .. action)
      redis.call('HSET', case, 'again:' .. action, now)
      mark(subject, redis.call('HGET', case, 'id') or '', now, -1, 'person')
      list_case(subject, now)
    elseif redis.call('HDEL', case, 'parked:' .. action) == 1 then
      redis.call('HSET', case, 'given_up:' .. action, now)
      list_case(subject, now)
    end
  elseif kind == 'scan' then
    if replay then
      redis.call('HSET', SCAN .. subject, 'state', 'listing', 'attempts', 0)
      redis.call('HSETNX', SCAN .. subject, 'kept_ms', lifetime)
      redis.call('PERSIST', SCAN .. subject) -- until it is done
      redis.call('ZADD', SCANS, now + GRACE_MS, subject)
      wake(SCAN .. subject, 'page_scan', subject, now, band_of(SCAN .. subject, 5))
    else
      redis.call('HDEL', SCAN .. subject, 'cursor') -- nobody lists on
      redis.call('PEXPIRE', SCAN .. subject, lifetime)
    end
  else
    local delivery = INBOX .. subject
    NOTED.unlist_delivery(subject)
    if replay then
      redis.call('HSET', delivery, 'state', 'received')
      redis.call('ZADD', PENDING, now + GRACE_MS, subject)
      redis.call('ZADD', PENDING_SINCE, now, subject)
      await_reader(subject, now)
    else
      redis.call('HSET', delivery, 'state', 'discarded')
      redis.call('HDEL', delivery, 'body')
      redis.call('PEXPIRE', delivery, lifetime)
      NOTED.list_delivery(subject, 'discarded', lifetime, now)
    end
  end
  return 1
end
