-- Tell whoever follows deliveries (see heard.py) what became of one. Costs next to nothing while nobody does. That it cannot be
-- told is no trouble of the delivery. Without `account` it is that of the delivery's row.
local is_listened_to = redis.call('EXISTS', NOTED.LISTENING) == 1

local function tell_listeners(id, what, account)
  if not is_listened_to then return end
  redis.pcall('XADD', NOTED.HEARD, 'MAXLEN', '~', NOTED.MOST_HEARD, '*', 'd', id, 's', what, 'a', account or account_of(id))
  redis.pcall('PEXPIRE', NOTED.HEARD, NOTED.HEARD_MS)
end
