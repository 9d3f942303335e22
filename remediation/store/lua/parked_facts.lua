-- What is known of pieces of parked work, without the words of whoever refused them. ARGV: names. Returns one text for each:
-- kind, subject, district, action, system, error, status, attempts, when (ms) first and last, and replays, a line each; empty
-- where it is not parked.
local FIELDS = {'kind', 'subject', 'district', 'action', 'system', 'error', 'status', 'attempts', 'first_at', 'at'}
local answer = {}
for i, name in ipairs(ARGV) do
  local facts = redis.call('HMGET', PARKED_ROW .. name, unpack(FIELDS))
  local is_parked = facts[1]
  for place = 1, #FIELDS do facts[place] = facts[place] or '' end
  facts[#FIELDS + 1] = redis.call('GET', REPLAYS .. name) or '0'
  answer[i] = is_parked and table.concat(facts, '\n') or ''
end
return answer
