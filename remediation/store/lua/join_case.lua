-- with ticket_index.lua
-- A finding belongs to the case of an identity or of a group: name the finding there, mark that case, and empty the finding's own row, all
-- in one step. ARGV: reference of the finding's own case, token, generation seen, finding id, now, cause, then reference and
-- id of that case.
-- Links and intents of the own row move to the other case. That must not happen during a look at the other case, which
-- would not know of them. Returns 'busy' then, and nothing is written; otherwise 'joined', or 'lost' when the lease is lost.
-- Of a finding that joins a group nothing moves: it has no tickets, and what the case of the group knows is not of it alone.
local ref, now, home, home_id = ARGV[1], tonumber(ARGV[5]), ARGV[7], ARGV[8]
local row = CASE .. ref
if not holds(ref, ARGV[2]) then return 'lost' end
local present = redis.call('HGET', row, 'home')
if present and present ~= home then -- the finding has moved on to a later case of its group since its row was read
  home, home_id = present, string.match(present, '^[^:]*:[^:]*:(.*)$')
end
local there = CASE .. home
local is_of_group = string.match(home, ':group%-%x+%-%d+$') -- see GROUP_PREFIX in domain/cases/records.py
local facts = not is_of_group and redis.call('HEXISTS', there, 'memory') == 0 and facts_in_list(ref) or nil
local own, parts = redis.call('HGETALL', row), {link = {}, intent = {}, place = {}, given_up = {}, again = {}, parked = {}, origin = {}}
for i = 1, #own, 2 do
  local kind, name = string.match(own[i], '^([a-z_]+):(.+)$')
  if parts[kind] then parts[kind][name] = own[i + 1] end
end
if (next(parts.link) or next(parts.intent)) and redis.call('EXISTS', LEASE .. home) == 1 then return 'busy' end
for tracker, link in pairs(parts.link) do
  local ticket, key = unpack(cjson.decode(link))
  local other = redis.call('HGET', there, 'link:' .. tracker)
  if not other then
    local tie = redis.call('HGET', row, 'tie:' .. tracker)
    redis.call('HSET', there, 'link:' .. tracker, link)
    if tie then redis.call('HSET', there, 'tie:' .. tracker, tie) end
    index_ticket(tracker, ticket, home)
    index_key(tracker, key, ticket)
  elseif cjson.decode(other)[1] ~= ticket then
    redis.call('HSETNX', there, 'intent:' .. tracker, 0) -- a second ticket, which a search must find
  end
end
for tracker, at in pairs(parts.intent) do
  local other = redis.call('HGET', there, 'intent:' .. tracker)
  if not other or tonumber(other) < tonumber(at) then
    redis.call('HSET', there, 'intent:' .. tracker, at, 'place:' .. tracker, parts.place[tracker] or '')
  end
end
if not is_of_group then remember_of(there, row) end
for _, kind in ipairs(is_of_group and {'origin'} or {'given_up', 'again', 'origin'}) do
  for name, value in pairs(parts[kind]) do redis.call('HSETNX', there, kind .. ':' .. name, value) end
end
for action in pairs(parts.parked) do -- what is refused in the other case too is parked there again
  NOTED.off_parked(ref .. '/' .. action)
end
local look_at = redis.call('ZSCORE', APPOINTMENTS, ref)
if look_at then redis.call('ZADD', APPOINTMENTS, 'NX', look_at, home) end
redis.call('ZREM', APPOINTMENTS, ref)
for i = 1, #own, 2 do
  if string.find(own[i], ':', 1, true) or own[i] == 'memory' or own[i] == 'attempts' or own[i] == 'overtaken'
    or own[i] == 'ended' or own[i] == 'noted' then
    redis.call('HDEL', row, own[i])
  end
end
hold_up(ref, '')
lives_by(row, '')
forget_unnamed(ref)
redis.call('HSET', row, 'home', home)
list_case(ref)
redis.call('HINCRBY', there, 'member:' .. ARGV[4], 1)
local band = math.max(tonumber(redis.call('HGET', row, 'band') or '0'), tonumber(redis.call('HGET', there, 'band') or '0'))
mark(home, home_id, now, band, ARGV[6], nil, redis.call('HDEL', row, 'behind') == 1 and 'behind' or nil)
list_case(home, now, facts)
redis.call('DEL', LEASE .. ref)
ended(ref)
end_first_look(ref)
if redis.call('HGET', row, 'gen') == ARGV[3] then
  redis.call('ZREM', DIRTY, ref)
else
  redis.call('ZADD', DIRTY, now + GRACE_MS, ref)
  wake(row, 'look_at_case', ref, now, band_of(row))
end
return 'joined'
