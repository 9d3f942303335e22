-- Tell whoever follows deliveries (see heard.py) what became of one. Costs next to nothing while nobody does. That it cannot be
-- told is no trouble of the delivery.
local function tell_listeners(id, what, account)
  if redis.call('EXISTS', NOTED.LISTENING) == 0 then return end
  redis.pcall('XADD', NOTED.HEARD, 'MAXLEN', '~', NOTED.MOST_HEARD, '*', 'd', id, 's', what, 'a', account)
  redis.pcall('PEXPIRE', NOTED.HEARD, NOTED.HEARD_MS)
end
