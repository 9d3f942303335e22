-- with merging.lua
-- The pieces of some groups of parked work, in one order. ARGV: 'newest' or 'oldest', which come first; the span (ms, as for
-- ZRANGEBYSCORE); the time and the name of the piece after which they begin, or '' and ''; how many at the most; then ids of
-- groups. Returns the name and the time of each. What an earlier version left in a group, without a row or in another group by now,
-- is taken off it.
local newest, since, till = ARGV[1] == 'newest', ARGV[2], ARGV[3]
local at, after, most, CHUNK = tonumber(ARGV[4]), ARGV[5], tonumber(ARGV[6]), 20
if at and newest then till = ARGV[4] elseif at then since = ARGV[4] end

-- Whether a piece comes before another one.
local function precedes(score, name, other_score, other_name)
  if score ~= other_score then return (score < other_score) ~= newest end
  return name ~= other_name and is_greater(name, other_name) == newest
end

-- Move on to the next piece of a group. Returns whether there is one.
local function next_of(head)
  head.place = head.place + 2
  if head.place > #head.pieces then
    if newest then
      head.pieces = redis.call('ZREVRANGEBYSCORE', head.key, till, since, 'WITHSCORES', 'LIMIT', head.read, CHUNK)
    else
      head.pieces = redis.call('ZRANGEBYSCORE', head.key, since, till, 'WITHSCORES', 'LIMIT', head.read, CHUNK)
    end
    head.read, head.place = head.read + CHUNK, 1
  end
  head.name, head.score = head.pieces[head.place], tonumber(head.pieces[head.place + 1])
  return head.name ~= nil
end

local function next_after(head)
  while next_of(head) do
    if not at or precedes(at, after, head.score, head.name) then return true end
  end
  return false
end

-- A heap of the groups: the one whose next piece comes first is on top.
local heap = {}
local function sink(place)
  while true do
    local first = place
    for _, child in ipairs({2 * place, 2 * place + 1}) do
      if heap[child] and precedes(heap[child].score, heap[child].name, heap[first].score, heap[first].name) then first = child end
    end
    if first == place then return end
    heap[place], heap[first] = heap[first], heap[place]
    place = first
  end
end

for i = 7, #ARGV do
  local head = {group = ARGV[i], key = NOTED.PARKED_GROUP .. ARGV[i], pieces = {}, place = 0, read = 0}
  if next_after(head) then heap[#heap + 1] = head end
end
for place = math.floor(#heap / 2), 1, -1 do sink(place) end
local answer, left_behind = {}, {}
while #heap > 0 and #answer < 2 * most do
  local head = heap[1]
  if redis.call('HGET', PARKED_ROW .. head.name, 'group') == head.group then
    answer[#answer + 1] = head.name
    answer[#answer + 1] = head.pieces[head.place + 1]
  else
    left_behind[#left_behind + 1] = {head.group, head.name}
  end
  if not next_after(head) then
    heap[1] = heap[#heap]
    heap[#heap] = nil
  end
  if #heap > 0 then sink(1) end
end
for _, each in ipairs(left_behind) do NOTED.off_group(each[1], each[2]) end
return answer
