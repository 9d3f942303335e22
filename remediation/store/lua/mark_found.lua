-- Mark cases because a reconcile wants all of them looked at again. ARGV: now, then reference, id and band of each, and as JSON
-- the ids of its tickets by tracker. One that the case has no link to must be searched for, also beside the linked one: after a
-- restore, tickets may have come from a case that the store has forgotten since.
-- They wait behind all work above the band LOW, those of the highest band first, and what a backfill found behind that still.
local now = tonumber(ARGV[1])
for i = 2, #ARGV, 4 do
  local ref, band = ARGV[i], tonumber(ARGV[i + 2])
  local row = CASE .. ref
  for tracker, ids in pairs(cjson.decode(ARGV[i + 3])) do
    local link = redis.call('HGET', row, 'link:' .. tracker)
    local linked = link and cjson.decode(link)[1]
    for _, id in ipairs(ids) do
      if id ~= linked then redis.call('HSETNX', row, 'intent:' .. tracker, 0) end
    end
  end
  if band >= 0 then redis.call('HSETNX', row, 'band', band) end
  local own = band_of(row)
  mark(ref, ARGV[i + 1], now, -1, 'reconcile', own < 0 and own or own / 100, 'kept')
end
return 1
