-- The systems that are waited for. Returns five things for each: its name, what must end first, since when (ms), the
-- HTTP status or '', and how many cases wait for it.
local answer = {}
for _, name in ipairs(redis.call('SMEMBERS', SYSTEMS)) do
  local waiting, since, status = unpack(redis.call('HMGET', SYSTEM .. name, 'waiting', 'since', 'status'))
  if waiting then
    for _, each in ipairs({name, waiting, since, status or '', tostring(redis.call('ZCARD', HELD .. name))}) do
      answer[#answer + 1] = each
    end
  end
end
return answer
