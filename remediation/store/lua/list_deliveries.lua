-- Go on through the keys, and tell of the deliveries among them. ARGV: where to go on, how many keys, from which time (ms) on,
-- and the sender, the account and the state that are asked for (each '' for any). Returns where the next call goes on ('0' at
-- the end), then six things for each delivery: its id, when it was accepted (ms), sender, account, state, and its request's id.
local least = tonumber(ARGV[3])
local cursor, keys = unpack(redis.call('SCAN', ARGV[1], 'MATCH', INBOX .. '*', 'COUNT', ARGV[2]))
local answer = {cursor}

local function fits(asked, found)
  return asked == '' or asked == found
end

for _, key in ipairs(keys) do
  local at = redis.call('HGET', key, 'at')
  if at and tonumber(at) >= least then
    local sender, account, state, request =
      unpack(redis.call('HMGET', key, 'sender', 'account', 'state', 'request_id'))
    if fits(ARGV[4], sender) and fits(ARGV[5], account) and fits(ARGV[6], state) then
      for _, each in ipairs({string.sub(key, #INBOX + 1), at, sender or '', account or '', state or '', request or ''}) do
        answer[#answer + 1] = each
      end
    end
  end
end
return answer
