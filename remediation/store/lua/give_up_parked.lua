-- with delivery_lists.lua, unparking.lua
-- Give up parked work about which nobody has decided for so long; what nobody can read has a time of its own (see
-- trim_set_aside.lua). ARGV: now; until when (ms) it was set aside at the latest; how much at the most; lifetime (ms) of what is
-- left; what the lines of the audit speak of, in the form of the answer; and these lines.
-- Returns 1 if it was done, otherwise 0; and for each piece its name, its district, or else the system that it came from, and
-- the case whose timeline is to tell of it, or ''. Where the lines speak of anything else, nothing is done.
local now, most, answer, names, place = tonumber(ARGV[1]), tonumber(ARGV[3]), {}, {}, 0
local PAGE = 200
repeat
  local page = redis.call('ZRANGEBYSCORE', PARKED, '-inf', ARGV[2], 'LIMIT', place, PAGE)
  for _, name in ipairs(page) do
    local kind, subject, district, system = unpack(redis.call('HMGET', PARKED_ROW .. name, 'kind', 'subject', 'district', 'system'))
    if not kind then
      redis.call('ZREM', PARKED, name)
    elseif kind ~= 'quarantined' and #names < most then
      names[#names + 1] = name
      answer[#answer + 1] = name
      answer[#answer + 1] = district and district ~= '' and district or system or ''
      answer[#answer + 1] = (kind == 'action' or kind == 'case') and subject or ''
    end
  end
  place = place + PAGE
until #page < PAGE or #names >= most or place >= 10 * PAGE
local is_told = table.concat(answer, '\n') == ARGV[5]
if is_told then
  for _, name in ipairs(names) do unpark(name, now, false, ARGV[4]) end
  for i = 6, #ARGV do note_line(ARGV[i]) end
end
return {is_told and 1 or 0, unpack(answer)}
