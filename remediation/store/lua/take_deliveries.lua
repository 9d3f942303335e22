-- with taking.lua
-- Take up deliveries that wait to be read, the first that came first. ARGV: token; now; how many at the most; of how many bytes at the
-- most (the first of them whatever it has); for how long (ms) after one was taken up a worker may still be at work; the id of one
-- that is to be among them, or ''.
-- With the same token again, as the answer was lost, the same are returned. Where more wait, another job is queued.
-- Returns how many are left, the suspects, which are not taken up (nor is what meets an error, and is no row, for example), and id
-- and row, with its crashes, of each delivery.
local token, now, room = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[4])
local ours, taken, suspects = TAKEN .. token, {}, {}
local ids = redis.call('SMEMBERS', ours)
if #ids == 0 then
  if ARGV[6] ~= '' then ids[1] = ARGV[6] end
  for _, id in ipairs(redis.call('ZRANGE', UNREAD, 0, ARGV[3] - 1)) do
    if id ~= ARGV[6] then ids[#ids + 1] = id end
  end
end
for _, id in ipairs(ids) do
  if room <= 0 then break end
  local ok, row = pcall(take_up, id, token, now, false, true, tonumber(ARGV[5]))
  redis.call('ZREM', UNREAD, id)
  if not ok or row == 'suspect' then
    suspects[#suspects + 1] = id
  elseif row ~= 'done' then
    redis.call('SADD', ours, id)
    taken[#taken + 1] = id
    taken[#taken + 1] = row
    for i = 1, #row, 2 do room = room - #row[i + 1] end
  end
end
if #taken > 0 then redis.call('PEXPIRE', ours, ARQ.TAKEN_MS) end
local left = redis.call('ZCARD', UNREAD)
if left > 0 then
  await_reader(redis.call('ZRANGE', UNREAD, 0, 0)[1], now)
elseif not reader_waits() then
  redis.call('DEL', ARQ.READER)
end
return {left, suspects, unpack(taken)}
