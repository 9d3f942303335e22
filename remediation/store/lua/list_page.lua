-- A page of the lists of cases, newest change first; of the same moment, the greater reference first. ARGV: how many cases
-- at the most, then time (ms) and reference of the case after which the page begins ('' from the newest), then the time
-- (ms) before which no case is on the page, then what is asked for, '' for any: districts (with commas), state (or
-- 'parked', 'conflict'), severity, rule, tracker.
-- Returns whether the cases of an earlier version are all listed (1 or 0), then reference, time and list's name of each;
-- or -1 where more lists would have to be read than one call may: Redis does nothing else meanwhile.
-- Who knows the numbers of the lists that fit names them: ARGV goes on with how many numbers had been given by then, '' for
-- whatever has become of that, and with some numbers. The page is then of these lists alone, whatever is asked for; the
-- answer is -2 where lists were added since, which may fit, too.
-- Otherwise the lists are read from the one that was used last on, as far as the page goes. Its cost follows how many lists
-- there are and the length of the page; behind a cursor each list costs the logarithm of how many cases it has, as its
-- place is looked for. The end of a list is at hand: a search from +inf would go through the levels of a skip list, too.
local most, after_at, after_ref, from_at = tonumber(ARGV[1]), tonumber(ARGV[2]), ARGV[3], tonumber(ARGV[4])
local LARGEST = 64 -- entries that are read of a list at once; the first time two, and then twice as many each time
local MOST_READ, MOST_NAMES = 200, 2000 -- lists that are read, and names that are looked at: some milliseconds each
local GIVEN, FIRST_NUMBER = 10, 11
local AFTER, FROM = after_at and string.format('%.0f', after_at), from_at and string.format('%.0f', from_at) or '-inf'

local function is_wanted(name)
  local district, state, marks, severity, rule, trackers = string.match(name, LIST_SHAPE)
  local state_fits = ARGV[6] == '' or ARGV[6] == state or (ARGV[6] == 'parked' and string.find(marks, 'p', 1, true))
    or (ARGV[6] == 'conflict' and string.find(marks, 'c', 1, true))
  return state_fits and (ARGV[5] == '' or string.find(',' .. ARGV[5] .. ',', ',' .. district .. ',', 1, true))
    and (ARGV[7] == '' or ARGV[7] == severity) and (ARGV[8] == '' or ARGV[8] == rule)
    and (ARGV[9] == '' or string.find(',' .. trackers .. ',', ',' .. ARGV[9] .. ',', 1, true))
end

-- Whether one text is greater than another, byte by byte as a sorted set has it: < goes by the server's locale.
local function is_greater(one, other)
  for i = 1, math.min(#one, #other) do
    local a, b = string.byte(one, i), string.byte(other, i)
    if a ~= b then return a > b end
  end
  return #one > #other
end

local function comes_first(at, ref, other_at, other_ref)
  if at ~= other_at then return at > other_at end
  return is_greater(ref, other_ref)
end

-- Read on in a list, and set what comes next in it: none at its end, or where nothing is new enough. `rank` is where the page begins in it, if known.
local function go_on(list)
  if list.place > #list.chunk then
    if list.rank then
      local first = list.rank + list.read
      list.chunk = redis.call('ZREVRANGE', list.key, first, first + list.size - 1, 'WITHSCORES')
    else
      list.chunk = redis.call('ZREVRANGEBYSCORE', list.key, AFTER, FROM, 'WITHSCORES', 'LIMIT', list.read, list.size)
    end
    list.read, list.size, list.place = list.read + list.size, math.min(2 * list.size, LARGEST), 1
  end
  list.ref, list.at = list.chunk[list.place], tonumber(list.chunk[list.place + 1])
  list.place = list.place + 2
  if list.at and from_at and list.at < from_at then list.ref = nil end
end

-- How many cases of a list come before the page. Those of its first moment are halved again and again: one script may
-- have marked thousands of cases at once, and the case after which the page begins may be on another list.
local function rank_of_page(key)
  local from, to = redis.call('ZCOUNT', key, '(' .. AFTER, '+inf'), redis.call('ZCOUNT', key, AFTER, '+inf')
  while from < to do
    local middle = math.floor((from + to) / 2)
    if is_greater(after_ref, redis.call('ZREVRANGE', key, middle, middle)[1]) then to = middle else from = middle + 1 end
  end
  return from
end

-- A list at its first case of the page; nil where it has none. Of many lists most have none: these cost a single call.
local function open_list(number, name)
  local key, first = CASE_LIST .. number, nil
  if after_at then
    first = redis.call('ZREVRANGEBYSCORE', key, AFTER, FROM, 'WITHSCORES', 'LIMIT', 0, 2)
  else
    first = redis.call('ZREVRANGE', key, 0, 1, 'WITHSCORES')
  end
  if not first[1] then return nil end
  local list = {number = number, name = name, key = key, chunk = first, read = 2, size = 4, place = 1}
  if not after_at then list.rank = 0 end
  go_on(list)
  if list.ref and after_at and not comes_first(after_at, after_ref, list.at, list.ref) then
    list.rank, list.chunk, list.read, list.place = rank_of_page(key), {}, 0, 1
    go_on(list)
  end
  return list.ref and list
end

-- The lists that are read, as a heap: what comes first of all is next in the first of them.
local heap = {}

local function sift_up(place)
  while place > 1 do
    local above = math.floor(place / 2)
    if not comes_first(heap[place].at, heap[place].ref, heap[above].at, heap[above].ref) then return end
    heap[place], heap[above] = heap[above], heap[place]
    place = above
  end
end

local function sift_down()
  local place = 1
  while true do
    local first = place
    for below = 2 * place, math.min(2 * place + 1, #heap) do
      if comes_first(heap[below].at, heap[below].ref, heap[first].at, heap[first].ref) then first = below end
    end
    if first == place then return end
    heap[place], heap[first] = heap[first], heap[place]
    place = first
  end
end

-- The lists by when something was put onto each last: no case of one changed later than that. Its time is nil at the end.
local names, names_read, name_place = {}, 0, 1

local function next_name()
  if name_place > #names then
    names = redis.call('ZREVRANGE', CASE_LISTS_USED, names_read, names_read + LARGEST - 1, 'WITHSCORES')
    names_read, name_place = names_read + LARGEST, 1
  end
  name_place = name_place + 2
  return names[name_place - 2], tonumber(names[name_place - 1])
end

local function add(list)
  if not list then return end
  heap[#heap + 1] = list
  sift_up(#heap)
end

local function name_of(list)
  list.name = list.name or redis.call('HGET', CASE_LISTS, '#' .. list.number)
  return list.name
end

local answer, lists_read = {redis.call('HEXISTS', CASES_LISTED, 'done_at')}, 0
local given, name, used_at = ARGV[GIVEN], nil, nil
if given and given ~= '' and given ~= (redis.call('HGET', CASE_LISTS, '') or '0') then return {-2} end
for i = FIRST_NUMBER, #ARGV do add(open_list(ARGV[i])) end
if not given then name, used_at = next_name() end
for _ = 1, most do
  while name and used_at >= (heap[1] and heap[1].at or from_at or 0) do
    if lists_read >= MOST_READ or names_read > MOST_NAMES then return {-1} end
    if is_wanted(name) then
      add(open_list(redis.call('HGET', CASE_LISTS, name), name))
      lists_read = lists_read + 1
    end
    name, used_at = next_name()
  end
  local first = heap[1]
  if not first then break end
  answer[#answer + 1] = first.ref
  answer[#answer + 1] = string.format('%.0f', first.at)
  answer[#answer + 1] = name_of(first)
  go_on(first)
  if not first.ref then
    heap[1] = heap[#heap]
    heap[#heap] = nil
  end
  sift_down()
end
return answer
