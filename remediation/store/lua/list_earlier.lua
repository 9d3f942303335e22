-- Put cases that an earlier version wrote onto their lists, and note which are open of those that it listed itself. ARGV: now, the
-- cursor and the server as list_cursor.lua gave them, the next cursor ('0' when all have been seen), then reference of each,
-- what its memory says, and the SHA-1 of this memory.
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

local function digest_of(row)
  local memory, number = redis.call('HGET', row, 'memory') or '', 1
  local piece = redis.call('HGET', row, 'memory:1')
  while piece do
    memory, number = memory .. piece, number + 1
    piece = redis.call('HGET', row, 'memory:' .. number)
  end
  return redis.sha1hex(memory)
end

-- A case that is listed is open since its latest change. Where another memory was written since, that has said it itself.
local function note_earlier(ref, row, listed, facts, digest)
  local severity, open = string.match(facts, '^[^|]*|[^|]*|([^|]*)|[^|]*|(o?)$')
  if (open == 'o') == (NOTED.open_as(ref) ~= nil) or digest_of(row) ~= digest then return end
  local as = severity ~= '' and severity or NOTED.UNKNOWN
  NOTED.note_open(ref, open == 'o' and as or '', tonumber(redis.call('ZSCORE', CASE_LIST .. listed, ref) or now))
end

for i = 5, #ARGV, 3 do
  local row = CASE .. ARGV[i]
  local id, listed, marked_at = unpack(redis.call('HMGET', row, 'id', 'listed', 'marked_at'))
  if id and not listed then
    list_case(ARGV[i], last_told(ARGV[i]) or tonumber(marked_at or '') or now, ARGV[i + 1])
  elseif id then
    note_earlier(ARGV[i], row, listed, ARGV[i + 1], ARGV[i + 2])
  end
end
if ARGV[4] == '0' then
  redis.call('HSET', CASES_LISTED, 'done_at', now, 'open_at', now)
  redis.call('HDEL', CASES_LISTED, 'cursor', 'server')
else
  redis.call('HSET', CASES_LISTED, 'cursor', ARGV[4])
end
return 1
