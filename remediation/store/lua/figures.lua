-- with parked_counts.lua
-- How much waits in the store, and for how long. ARGV: now. Returns nine numbers: jobs that are due and not begun, each
-- unread delivery as one; jobs
-- begun; unread deliveries; since when (ms) the oldest of them waits; cases that wait; how many of these are put off; since
-- when (ms) the oldest waits; parked work; the last sweep (ms). A time is 0 where there is none. Then three lists of pairs:
-- kind and count of parked work; sender and time (ms) of its last delivery; district (or tracker, where it sent the
-- delivery) and count of parked work.
local now, MOST = tonumber(ARGV[1]), 1000

local function oldest(list, since)
  for _ = 1, MOST do
    local ref, at = unpack(redis.call('ZRANGE', since, 0, 0, 'WITHSCORES'))
    if not ref then return 0 end
    if redis.call('ZSCORE', list, ref) then return tonumber(at) end
    redis.call('ZREM', since, ref) -- an earlier version, which does not know this list, has finished it
  end
  return 0
end

-- Returns how many jobs are due and not begun, and how many are begun. Only the MOST most urgent ids are looked at: begun jobs
-- are among these. An id without a job is not counted: an enqueue that failed left it. Such ids are the last of their band.
local function jobs()
  local due = redis.call('ZCOUNT', ARQ.QUEUE, '-inf', now)
  local ids = redis.call('ZRANGEBYSCORE', ARQ.QUEUE, '-inf', now, 'LIMIT', 0, MOST)
  if #ids == 0 then return 0, 0 end
  local known, begun = {}, {}
  for i, id in ipairs(ids) do
    known[i] = ARQ.JOB .. id
    begun[i] = ARQ.IN_PROGRESS .. id
  end
  local running = redis.call('EXISTS', unpack(begun))
  return math.max(0, due - #ids + redis.call('EXISTS', unpack(known)) - running), running
end

local function counted(counts)
  local answer = {}
  for name, count in pairs(counts) do
    answer[#answer + 1] = name
    answer[#answer + 1] = count
  end
  return answer
end

local function parked()
  local kinds, accounts = {}, {}
  for _, each in ipairs(counted_parked()) do
    local account = each.district ~= '' and each.district or each.system
    kinds[each.kind] = (kinds[each.kind] or 0) + each.count
    accounts[account] = (accounts[account] or 0) + each.count
  end
  return counted(kinds), counted(accounts)
end

local due, running = jobs()
local kinds, accounts = parked()
local unread = redis.call('ZCARD', UNREAD)
return {
  due + math.max(0, unread - 1), -- one job is for all of them
  running,
  redis.call('ZCARD', PENDING),
  oldest(PENDING, PENDING_SINCE),
  redis.call('ZCARD', DIRTY),
  redis.call('ZCOUNT', DIRTY, '(' .. (now + GRACE_MS), '+inf'),
  oldest(DIRTY, DIRTY_SINCE),
  redis.call('ZCARD', PARKED),
  tonumber(redis.call('GET', LAST_SWEEP) or '0'),
  kinds,
  redis.call('HGETALL', ACCEPTED),
  accounts,
}
