-- Sorted sets by time (ms), merged as if they were one: the newest first; of the same moment, the greater member first. Behind a
-- place each list costs the logarithm of its size, as its place is looked for. The end of a list is at hand: a search from
-- +inf would go through the levels of a skip list, too.
local LARGEST = 64 -- entries that are read of a list at once; the first time two, and then twice as many each time
local page = {}

-- Say where the page begins: behind this moment and member (nil from the newest), and the moment before which nothing is on it (nil for any).
local function begin_page(after_at, after_ref, from_at)
  page = {after_at = after_at, after_ref = after_ref, from_at = from_at}
  page.after = after_at and string.format('%.0f', after_at)
  page.from = from_at and string.format('%.0f', from_at) or '-inf'
end

-- Whether one text is greater than another, byte by byte as a sorted set has it: < goes by the server's locale. Long beginnings
-- that are the same, as references have them, are passed by halves.
local function is_greater(one, other)
  local from, to = 1, math.min(#one, #other)
  while to - from > 4 do
    local middle = math.floor((from + to) / 2)
    if string.sub(one, from, middle) == string.sub(other, from, middle) then from = middle + 1 else to = middle end
  end
  for i = from, to do
    local a, b = string.byte(one, i), string.byte(other, i)
    if a ~= b then return a > b end
  end
  return #one > #other
end

local function comes_first(at, ref, other_at, other_ref)
  if at ~= other_at then return at > other_at end
  return is_greater(ref, other_ref)
end

-- Read on in a list, and set what comes next in it: none at its end, or where nothing is new enough. `rank` is where the
-- page begins in it, if known.
local function go_on(list)
  if list.place > #list.chunk then
    if list.rank then
      local first = list.rank + list.read
      list.chunk = redis.call('ZREVRANGE', list.key, first, first + list.size - 1, 'WITHSCORES')
    else
      list.chunk = redis.call('ZREVRANGEBYSCORE', list.key, page.after, page.from, 'WITHSCORES', 'LIMIT', list.read, list.size)
    end
    list.read, list.size, list.place = list.read + list.size, math.min(2 * list.size, LARGEST), 1
  end
  list.ref, list.at = list.chunk[list.place], tonumber(list.chunk[list.place + 1])
  list.place = list.place + 2
  if list.at and page.from_at and list.at < page.from_at then list.ref = nil end
end

-- How many members of a list come before the page. Those of its first moment are halved again and again: one script may
-- have put thousands onto it at once, and the member after which the page begins may be on another list.
local function rank_of_page(key)
  local from, to = redis.call('ZCOUNT', key, '(' .. page.after, '+inf'), redis.call('ZCOUNT', key, page.after, '+inf')
  while from < to do
    local middle = math.floor((from + to) / 2)
    if is_greater(page.after_ref, redis.call('ZREVRANGE', key, middle, middle)[1]) then to = middle else from = middle + 1 end
  end
  return from
end

-- The list in this key at its first member of the page; nil where it has none. Of many lists most have none: these cost a
-- single call, and where it is known from when on members are wanted, one that counts: Redis takes twice as long to begin
-- an answer of several parts. `list` has what the caller wants to know of it besides.
local function open_list(key, list)
  if page.from_at and redis.call('ZCOUNT', key, page.from, page.after or '+inf') == 0 then return nil end
  local first
  if page.after_at then
    first = redis.call('ZREVRANGEBYSCORE', key, page.after, page.from, 'WITHSCORES', 'LIMIT', 0, 2)
  else
    first = redis.call('ZREVRANGE', key, 0, 1, 'WITHSCORES')
  end
  if not first[1] then return nil end
  list.key, list.chunk, list.read, list.size, list.place = key, first, 2, 4, 1
  if not page.after_at then list.rank = 0 end
  go_on(list)
  if list.ref and page.after_at and not comes_first(page.after_at, page.after_ref, list.at, list.ref) then
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

local function add(list)
  if not list then return end
  heap[#heap + 1] = list
  sift_up(#heap)
end

-- Take what comes first of all: the member, its time and its list; nil where nothing is left.
local function take_first()
  local first = heap[1]
  if not first then return nil end
  local ref, at = first.ref, first.at
  go_on(first)
  if not first.ref then
    heap[1] = heap[#heap]
    heap[#heap] = nil
  end
  sift_down()
  return ref, at, first
end
