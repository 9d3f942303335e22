-- Those of some deliveries that are asked for. ARGV: from which time (ms) on, the sender, the account and the state that are
-- asked for (each '' for any), then the key of each delivery. Returns six things for each that fits: its id, when it was
-- accepted (ms), sender, account, state, and its request's id.
local least, answer = tonumber(ARGV[1]), {}

local function fits(asked, found)
  return asked == '' or asked == found
end

for i = 5, #ARGV do
  local key = ARGV[i]
  local at = redis.call('HGET', key, 'at')
  if at and tonumber(at) >= least then
    local sender, account, state, request =
      unpack(redis.call('HMGET', key, 'sender', 'account', 'state', 'request_id'))
    if fits(ARGV[2], sender) and fits(ARGV[3], account) and fits(ARGV[4], state) then
      for _, each in ipairs({string.sub(key, #INBOX + 1), at, sender or '', account or '', state or '', request or ''}) do
        answer[#answer + 1] = each
      end
    end
  end
end
return answer
