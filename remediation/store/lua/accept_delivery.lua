-- with listeners.lua, delivery_lists.lua
-- Store deliveries, each once. ARGV: lifetime (ms) of the fingerprint of an ignored delivery, which has no body; how many
-- deliveries of one account may be quarantined, and how many cases that it brought may wait for their first look; then three
-- arguments for each delivery: its head, its sealed body, and its sealed words ('' for none). A head is JSON:
--   id; now; state: 'received', 'quarantined', or 'ignored' where we do not know its event; sender; account
--   called: the field for the account in the list of parked work ('district' or 'system')
--   request_id, trace: as they came; absent where there is none
--   limit: of the account, as microseconds from one delivery to the next, and how many at once; absent for no limit
--   secrets, signers: the ids of all secrets of the account, and how many have signed, which come first; absent where their
--   use is not noted
-- Returns an answer for each: 1, or 0 if the delivery was stored before. Of the others nothing was stored: 2 or 3 where the
-- first or the second of the two numbers is reached, and a negative answer says in how many ms the limit has room for it.
local kept_ms, most_quarantined, most_first_looks = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])

-- Take one delivery out of the account's limit. Returns 0, or in how many ms the limit has room for one. Redis's own clock
-- counts: where it was set back, or the limit was made smaller, the account owes a whole burst at the most.
local function spend(account, interval, burst)
  local seconds, micros = unpack(redis.call('TIME'))
  local moment = seconds * 1000000 + micros
  local most = moment + burst * interval
  local function keep(spent)
    redis.call('SET', LIMIT .. account, string.format('%.0f', spent), 'PX', math.ceil((spent - moment) / 1000))
  end
  local spent = tonumber(redis.call('GET', LIMIT .. account) or '0')
  if spent > most then
    keep(most)
    spent = most
  end
  spent = math.max(spent, moment) + interval
  if spent > most then return math.ceil((spent - most) / 1000) end
  keep(spent)
  return 0
end

-- Note that the first `signers` of these secrets are used now, and forget secrets that are no longer in the list: a later
-- secret with such an id is another one.
local function note_secrets(account, secrets, signers, now)
  local key, listed = SECRETS .. account, {}
  for number, secret in ipairs(secrets) do
    listed['since:' .. secret], listed['used:' .. secret] = true, true
    redis.call('HSETNX', key, 'since:' .. secret, now)
    if number <= signers then redis.call('HSET', key, 'used:' .. secret, now) end
  end
  for _, field in ipairs(redis.call('HKEYS', key)) do
    if not listed[field] then redis.call('HDEL', key, field) end
  end
  redis.call('PEXPIRE', key, SECRETS_TTL_MS)
end

local function quarantine(given, account, words)
  local name = 'delivery/' .. given.id
  redis.call('HSET', PARKED_ROW .. name, 'kind', 'quarantined', 'subject', given.id, given.called, given.account,
    'error', 'Unreadable', 'words', words, 'at', given.now, 'first_at', given.now, 'attempts', 1)
  redis.call('ZADD', PARKED, given.now, name)
  NOTED.into_group(name, given.now)
  set_aside(QUARANTINED .. account, given.id, given.now)
end

local function accept(given, body, words)
  local row, account, state, now = INBOX .. given.id, given.sender .. '/' .. given.account, given.state, given.now
  if redis.call('EXISTS', row) == 1 then return 0 end
  if state == 'quarantined' and redis.call('ZCARD', QUARANTINED .. account) >= most_quarantined then return 2 end
  if state == 'received' then
    -- Nothing is deleted here: a full server takes every command of a script that has begun with one that needs no memory.
    if redis.call('ZCOUNT', FIRST_LOOKS .. account, now - FIRST_LOOK_MS, '+inf') >= most_first_looks then return 3 end
  end
  if given.limit then
    local wait = spend(account, unpack(given.limit))
    if wait > 0 then return -wait end
  end
  if given.secrets then note_secrets(account, given.secrets, given.signers, now) end
  redis.call('HSET', ACCEPTED, given.sender, now)
  redis.call('HSET', row, 'state', state, 'at', now, 'sender', given.sender, 'account', given.account, 'body', body)
  if given.request_id then redis.call('HSET', row, 'request_id', given.request_id) end
  if given.trace then redis.call('HSET', row, 'trace', given.trace) end
  if state == 'ignored' then
    redis.call('HDEL', row, 'body')
    redis.call('PEXPIRE', row, kept_ms)
    NOTED.list_delivery(given.id, state, kept_ms, now)
  elseif state == 'received' then
    redis.call('ZADD', PENDING, now + GRACE_MS, given.id)
    redis.call('ZADD', PENDING_SINCE, now, given.id)
    await_reader(given.id, now)
  else
    quarantine(given, account, words)
    NOTED.list_delivery(given.id, state, 0, now)
  end
  tell_listeners(given.id, state, account)
  return 1
end

-- A key of one account that holds something else is that account's trouble: its delivery gets the error, and the others
-- are stored. It is read before anything of the delivery is written. Any other error is the whole script's.
local answers = {}
for first = 4, #ARGV, 3 do
  local ok, answer = pcall(accept, cjson.decode(ARGV[first]), ARGV[first + 1], ARGV[first + 2])
  if not ok then
    local said = type(answer) == 'table' and answer.err or answer
    if not string.find(said, 'WRONGTYPE', 1, true) then return {err = said} end
    answer = {err = said}
  end
  answers[#answers + 1] = answer
end
return answers
