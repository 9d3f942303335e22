-- with merging.lua
-- A page of the lists of cases, newest change first; of the same moment, the greater reference first. ARGV: how many cases
-- at the most, then time (ms) and reference of the case after which the page begins ('' from the newest), then the time
-- (ms) before which no case is on the page, then what is asked for, '' for any: districts (with commas), state (or
-- 'parked', 'conflict'), severity, rule, tracker.
-- Returns whether the cases of an earlier version are all listed (1 or 0), then reference, time and list's name of each;
-- or -1 where more lists would have to be read than one call may: Redis does nothing else meanwhile.
-- Who knows the numbers of the lists that fit names them: ARGV goes on with how many numbers had been given by then, '' for
-- whatever has become of that, and with some numbers, joined by commas. The page is then of these lists alone, whatever is asked for; the
-- answer is -2 where lists were added since, which may fit, too.
-- Otherwise the lists are read from the one that was used last on, as far as the page goes. Its cost follows how many lists
-- there are and the length of the page (see merging.lua).
local most, after_at, after_ref, from_at = tonumber(ARGV[1]), tonumber(ARGV[2]), ARGV[3], tonumber(ARGV[4])
local MOST_READ, MOST_NAMES = 200, 2000 -- lists that are read, and names that are looked at: some milliseconds each
local GIVEN, NUMBERS = 10, 11
begin_page(after_at, after_ref, from_at)

local function is_wanted(name)
  local district, state, marks, severity, rule, trackers = string.match(name, LIST_SHAPE)
  local state_fits = ARGV[6] == '' or ARGV[6] == state or (ARGV[6] == 'parked' and string.find(marks, 'p', 1, true))
    or (ARGV[6] == 'conflict' and string.find(marks, 'c', 1, true))
  return state_fits and (ARGV[5] == '' or string.find(',' .. ARGV[5] .. ',', ',' .. district .. ',', 1, true))
    and (ARGV[7] == '' or ARGV[7] == severity) and (ARGV[8] == '' or ARGV[8] == rule)
    and (ARGV[9] == '' or string.find(',' .. trackers .. ',', ',' .. ARGV[9] .. ',', 1, true))
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

local function open(number, name)
  return open_list(CASE_LIST .. number, {number = number, name = name})
end

local function name_of(list)
  list.name = list.name or redis.call('HGET', CASE_LISTS, '#' .. list.number)
  return list.name
end

local answer, lists_read = {redis.call('HEXISTS', CASES_LISTED, 'done_at')}, 0
local given, name, used_at = ARGV[GIVEN], nil, nil
if given and given ~= '' and given ~= (redis.call('HGET', CASE_LISTS, '') or '0') then return {-2} end
for number in string.gmatch(ARGV[NUMBERS] or '', '%d+') do add(open(number)) end
if not given then name, used_at = next_name() end
for _ = 1, most do
  while name and used_at >= (heap[1] and heap[1].at or from_at or 0) do
    if lists_read >= MOST_READ or names_read > MOST_NAMES then return {-1} end
    if is_wanted(name) then
      add(open(redis.call('HGET', CASE_LISTS, name), name))
      lists_read = lists_read + 1
    end
    name, used_at = next_name()
  end
  local ref, at, list = take_first()
  if not ref then break end
  answer[#answer + 1] = ref
  answer[#answer + 1] = string.format('%.0f', at)
  answer[#answer + 1] = name_of(list)
end
return answer
