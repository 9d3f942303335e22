-- with ticket_index.lua
-- Trackers of a case have new names: rename them in the case's row and in its parked work. ARGV: reference, token, the memory
-- with the new names, then former and new name of each. Where there is a value under both names, that of the new name
-- counts; a second ticket must be found by a search. Returns 0 when the lease is lost.
local ref, row = ARGV[1], CASE .. ARGV[1]
if not holds(ref, ARGV[2]) then return 0 end
if redis.call('HEXISTS', row, 'memory') == 1 then remember(row, ARGV[3]) end

-- Move a field to its other name, where that has no value yet.
local function move(field, other)
  local value = redis.call('HGET', row, field)
  redis.call('HDEL', row, field)
  if value then redis.call('HSETNX', row, other, value) end
end

local function move_link(former, name)
  local link, other = unpack(redis.call('HMGET', row, 'link:' .. former, 'link:' .. name))
  if not link then return end
  local ticket, key = unpack(cjson.decode(link))
  if not other then
    move('link:' .. former, 'link:' .. name)
    move('tie:' .. former, 'tie:' .. name)
  else
    if cjson.decode(other)[1] ~= ticket then redis.call('HSETNX', row, 'intent:' .. name, 0) end
    redis.call('HDEL', row, 'link:' .. former, 'tie:' .. former)
  end
  redis.call('HDEL', row, 'opened:' .. former)
  drop_ticket(former, ticket, key, ref)
  forget_version(former, ticket) -- the look that renames it stores the one that it sees, under the new name
  if not case_of_ticket(name, ticket) then index_ticket(name, ticket, ref) end
  if not case_of_key(name, key) then index_key(name, key, ticket) end
  redis.call('HSETNX', TRACKERS, name, 0)
end

local function move_intent(former, name)
  local at, other = unpack(redis.call('HMGET', row, 'intent:' .. former, 'intent:' .. name))
  if at and (not other or tonumber(other) < tonumber(at)) then
    redis.call('HDEL', row, 'intent:' .. name, 'place:' .. name)
    move('place:' .. former, 'place:' .. name)
    move('intent:' .. former, 'intent:' .. name)
  end
  redis.call('HDEL', row, 'intent:' .. former, 'place:' .. former)
end

local REPLAYS_MS = 2592000000 -- thirty days, as when somebody replays

-- Move a row of parked work. Its words stay sealed under the former name.
local function move_parked(action, other, former, name)
  local here, there = ref .. '/' .. action, ref .. '/' .. other
  local at = redis.call('ZSCORE', PARKED, here)
  if at and redis.call('EXISTS', PARKED_ROW .. there) == 0 then
    redis.call('HSET', PARKED_ROW .. there, unpack(redis.call('HGETALL', PARKED_ROW .. here)))
    redis.call('HSETNX', PARKED_ROW .. there, 'sealed_as', here)
    redis.call('HSET', PARKED_ROW .. there, 'action', other)
    if redis.call('HGET', PARKED_ROW .. there, 'system') == former then
      redis.call('HSET', PARKED_ROW .. there, 'system', name)
    end
    redis.call('ZADD', PARKED, at, there)
    NOTED.into_group(there, at)
  end
  NOTED.off_parked(here)
  local replays = redis.call('GET', REPLAYS .. here)
  if replays then redis.call('SET', REPLAYS .. there, replays, 'NX', 'PX', REPLAYS_MS) end
  redis.call('DEL', REPLAYS .. here)
end

local function move_actions(former, name)
  for _, field in ipairs(redis.call('HKEYS', row)) do
    local list, verb, tracker, rest = string.match(field, '^([a-z_]+):([a-z_]+):([^:]+)(.*)$')
    if tracker == former and verb ~= 'patch' and (list == 'parked' or list == 'again' or list == 'given_up') then
      local action, other = verb .. ':' .. former .. rest, verb .. ':' .. name .. rest
      move(field, list .. ':' .. other)
      if list == 'parked' then move_parked(action, other, former, name) end
    end
  end
end

for i = 4, #ARGV, 2 do
  local former, name = ARGV[i], ARGV[i + 1]
  move_link(former, name)
  move_intent(former, name)
  move_actions(former, name)
end
list_case(ref)
return 1
