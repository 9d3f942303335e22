-- The lists of cases (see lists.py): each case is in one sorted set, by when (ms) it changed last, together with all that
-- have the same district, state, marks, severity, rule and trackers. CASE_LISTS has the number of each list by its name,
-- which tells all of these, and its name by `#` and its number; '' counts the numbers, of which none is used twice.
-- CASE_LISTS_USED has the names by the latest change of a case that was ever put onto each.
-- Beside that, each case that somebody must still solve is in a sorted set by since when (ms) it is known to be open.
-- A case's row has the number of its list as `listed`. Scripts that change a case call list_case when they have done so.

local LIST_SHAPE = '^([^|]*)|([^|]*)|([^|]*)|([^|]*)|([^|]*)|([^|]*)$'

local function redis_now()
  local seconds, micros = unpack(redis.call('TIME'))
  return tonumber(seconds) * 1000 + math.floor(tonumber(micros) / 1000)
end

local function number_of_list(name)
  local number = redis.call('HGET', CASE_LISTS, name)
  if not number then
    number = string.format('%.0f', redis.call('HINCRBY', CASE_LISTS, '', 1))
    redis.call('HSET', CASE_LISTS, name, number, '#' .. number, name)
  end
  return number
end

-- Take a case off a list, and forget a list that is empty then.
local function off_list(ref, number, name)
  redis.call('ZREM', CASE_LIST .. number, ref)
  if redis.call('EXISTS', CASE_LIST .. number) == 0 then
    redis.call('HDEL', CASE_LISTS, name, '#' .. number)
    redis.call('ZREM', CASE_LISTS_USED, name)
  end
end

-- At rest, waiting for a look, or looked at since it was marked, and put off (as standing.lua tells).
local function state_of(ref, gen, looked)
  if not redis.call('ZSCORE', DIRTY, ref) then return 'at_rest' end
  return gen == looked and 'put_off' or 'dirty'
end

-- The trackers in which the row has tickets, in order and joined by commas, and whether an action is
-- parked about which a person has still to decide.
local function fields_for_list(row)
  local trackers, parked, is_parked = {}, {}, false
  for _, field in ipairs(redis.call('HKEYS', row)) do
    local kind, rest = string.match(field, '^([a-z_]+):(.+)$')
    if kind == 'link' then trackers[#trackers + 1] = rest end
    if kind == 'parked' then parked[rest] = parked[rest] == nil end
    if kind == 'given_up' then parked[rest] = false end
  end
  for _, is_undecided in pairs(parked) do is_parked = is_parked or is_undecided end
  table.sort(trackers)
  return table.concat(trackers, ','), is_parked
end

-- As what a case is known to be open: its severity and since when (ms); nil where it is not open, or not known to be.
function NOTED.open_as(ref)
  local district = string.match(ref, '^[^:]*')
  for severity in string.gmatch(NOTED.SEVERITIES, '%a+') do
    local since = redis.call('ZSCORE', NOTED.OPEN .. district .. '/' .. severity, ref)
    if since then return severity, tonumber(since) end
  end
end

-- Note that a case is open, since `at` where that is news, or with severity '' that it is not (any more). What is open is
-- in the sorted set of its district and severity. The summary of a scan is nothing that somebody solves.
function NOTED.note_open(ref, severity, at)
  local was, since = NOTED.open_as(ref)
  if was == severity then return end
  local district = string.match(ref, '^[^:]*')
  if was then redis.call('ZREM', NOTED.OPEN .. district .. '/' .. was, ref) end
  if severity ~= '' and not string.find(ref, ':summary:', 1, true) then
    redis.call('ZADD', NOTED.OPEN .. district .. '/' .. severity, since or at, ref)
  end
end

-- What the list of a case says of its memory, for another case that remembers the same; nil where it is on none.
local function facts_in_list(ref)
  local number = redis.call('HGET', CASE .. ref, 'listed')
  local name = number and redis.call('HGET', CASE_LISTS, '#' .. number)
  if not name then return nil end
  local _, _, marks, severity, rule = string.match(name, LIST_SHAPE)
  return table.concat({'0', string.match(marks, 'c?$'), severity, rule, NOTED.open_as(ref) and 'o' or ''}, '|')
end

-- Put a case onto the list where it belongs. `facts` are what its memory says (see facts_of in lists.py), and '1' in front
-- where that is news, else '0'; without them they stay as they are. A mark, and the look that finds nothing new, are no change.
-- `is_mark` says that the row has the same tickets and parked actions as before: to look through all its fields takes
-- milliseconds where thousands of findings belong to a case, and a scan marks it for each of them.
-- A row that an earlier version wrote is left to the look that remembers it next, or to list_earlier.lua. The row of a
-- finding that belongs to another case, and remembers nothing of its own, is on no list.
local function list_case(ref, now, facts, is_mark)
  local row = CASE .. ref
  local before, memory, gen, looked, home = unpack(redis.call('HMGET', row, 'listed', 'memory', 'gen', 'looked', 'home'))
  local name = before and redis.call('HGET', CASE_LISTS, '#' .. before)
  if home and not memory then
    if name then off_list(ref, before, name) end
    redis.call('HDEL', row, 'listed')
    NOTED.note_open(ref, '')
    return
  end
  if not name and memory and not facts then return end
  local _, was, marks, severity, rule, tickets = string.match(name or '|||||', LIST_SHAPE)
  local is_news, conflict = not name, string.sub(marks, -1) == 'c' and 'c' or ''
  if facts then
    local news, new_conflict, new_severity, new_rule, open =
      string.match(facts, '^([^|]*)|([^|]*)|([^|]*)|([^|]*)(|?o?)$')
    local as = new_severity ~= '' and new_severity or NOTED.UNKNOWN
    if open ~= '' then NOTED.note_open(ref, open == '|o' and as or '', now or redis_now()) end -- '': of an earlier version
    is_news = is_news or news == '1' or new_severity ~= severity or new_rule ~= rule
    conflict, severity, rule = new_conflict, new_severity, new_rule
  end
  local state, trackers, is_parked = state_of(ref, gen, looked), tickets, string.sub(marks, 1, 1) == 'p'
  if not name or not is_mark then trackers, is_parked = fields_for_list(row) end
  local new_marks = (is_parked and 'p' or '') .. conflict
  is_news = is_news or new_marks ~= marks or trackers ~= tickets or (state == 'put_off' and was ~= state)
  local district = string.match(ref, '^[^:]*')
  local new_name = table.concat({district, state, new_marks, severity, rule, trackers}, '|')
  local at = name and tonumber(redis.call('ZSCORE', CASE_LIST .. before, ref)) or 0
  if is_news then at = math.max(at, now or redis_now()) end
  if name and name ~= new_name then off_list(ref, before, name) end
  local number = number_of_list(new_name)
  redis.call('ZADD', CASE_LIST .. number, at, ref)
  redis.call('ZADD', CASE_LISTS_USED, 'GT', at, new_name)
  if number ~= before then redis.call('HSET', row, 'listed', number) end
end
