-- Put cases that an earlier version wrote onto their lists. ARGV: now, the cursor and the server as list_cursor.lua gave
-- them, the next cursor ('0' when all have been seen), then reference of each and what its memory says.
-- Returns 0, and changes nothing, where somebody else has gone on since, or another server answers.
local now = tonumber(ARGV[1])
beginning(now)
local cursor, server = unpack(redis.call('HMGET', CASES_LISTED, 'cursor', 'server'))
if cursor ~= ARGV[2] or server ~= ARGV[3] or (redis.call('GET', SERVER) or '') ~= server then return 0 end

-- When (ms) it was told of last: in front of what is packed, or the id of the last entry of an earlier version's stream.
local function last_told(ref)
  local told = redis.call('GET', TOLD .. ref)
  if told then return tonumber(string.match(told, '^%d+')) end
  local entry = redis.call('XREVRANGE', TIMELINE .. ref, '+', '-', 'COUNT', 1)[1]
  return entry and tonumber(string.match(entry[1], '^%d+'))
end

for i = 5, #ARGV, 2 do
  local row = CASE .. ARGV[i]
  local id, listed, marked_at = unpack(redis.call('HMGET', row, 'id', 'listed', 'marked_at'))
  if id and not listed then
    list_case(ARGV[i], last_told(ARGV[i]) or tonumber(marked_at or '') or now, ARGV[i + 1])
  end
end
if ARGV[4] == '0' then
  redis.call('HSET', CASES_LISTED, 'done_at', now)
  redis.call('HDEL', CASES_LISTED, 'cursor', 'server')
else
  redis.call('HSET', CASES_LISTED, 'cursor', ARGV[4])
end
return 1
