-- Sorted sets by time (ms), merged as if they were one: the newest first; of the same moment, the greater member first. A page may
-- begin after a moment and a member (after_at and after_ref; nil from the newest). It costs each set the logarithm of its size.
local LARGEST = 64 -- entries that are read of a list at once; the first time two, and twice as many each time

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

-- Read on in a list, and set what comes next in it: none at its end. `rank` is where the page begins in it, if known.
local function go_on(list)
  if list.place > #list.chunk then
    if list.rank then
      local first = list.rank + list.read
      list.chunk = redis.call('ZREVRANGE', list.key, first, first + list.size - 1, 'WITHSCORES')
    else
      local from = list.after_at and string.format('%.0f', list.after_at) or '+inf'
      list.chunk = redis.call('ZREVRANGEBYSCORE', list.key, from, '-inf', 'WITHSCORES', 'LIMIT', list.read, list.size)
    end
    list.read, list.size, list.place = list.read + list.size, math.min(2 * list.size, LARGEST), 1
  end
  list.ref, list.at = list.chunk[list.place], tonumber(list.chunk[list.place + 1])
  list.place = list.place + 2
end

-- How many members of a list come before the page. Those of its first moment are halved again and again: one script may
-- have put thousands onto it at once, and the member after which the page begins may be on another list.
local function rank_of_page(key, after_at, after_ref)
  local from = redis.call('ZCOUNT', key, '(' .. string.format('%.0f', after_at), '+inf')
  local to = redis.call('ZCOUNT', key, string.format('%.0f', after_at), '+inf')
  while from < to do
    local middle = math.floor((from + to) / 2)
    if is_greater(after_ref, redis.call('ZREVRANGE', key, middle, middle)[1]) then to = middle else from = middle + 1 end
  end
  return from
end

-- The list in this key, at the place where the page begins. `ref` and `at` are what comes next in it, nil at its end.
local function open_list(name, key, after_at, after_ref)
  local list = {name = name, key = key, after_at = after_at, chunk = {}, read = 0, size = 2, place = 1}
  if not after_at then list.rank = 0 end
  go_on(list)
  if list.ref and after_at and not comes_first(after_at, after_ref, list.at, list.ref) then
    list.rank, list.chunk, list.read, list.place = rank_of_page(key, after_at, after_ref), {}, 0, 1
    go_on(list)
  end
  return list
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

local function add(list)
  if not list.ref then return end
  heap[#heap + 1] = list
  sift_up(#heap)
end

-- Take the first of all that the lists have next: its list's name, member and time; nil where nothing is left.
local function take_first()
  local first = heap[1]
  if not first then return nil end
  local taken = {name = first.name, ref = first.ref, at = first.at}
  go_on(first)
  if not first.ref then
    heap[1] = heap[#heap]
    heap[#heap] = nil
  end
  sift_down()
  return taken
end
