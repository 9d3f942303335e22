-- Mark cases because a reconcile wants all of them looked at again. ARGV: now, as JSON an object with the trackers that were
-- listed, then reference, id and band of each case, and as JSON the ids of its tickets by tracker. One that the case has no link to must be searched for, also beside the linked one: after a
-- restore, tickets may have come from a case that the store has forgotten since. It may be linked under a tracker of the same
-- installation that is not listed, because mappings.yaml does not name it (any more).
-- They wait behind all work above the band LOW, those of the highest band first, and what a backfill found behind that still.
local now, listed = tonumber(ARGV[1]), cjson.decode(ARGV[2])
for i = 3, #ARGV, 4 do
  local ref, band = ARGV[i], tonumber(ARGV[i + 2])
  local row = CASE .. ref
  local found, linked, kept = cjson.decode(ARGV[i + 3]), {}, redis.call('HGETALL', row)
  for k = 1, #kept, 2 do
    local tracker = string.match(kept[k], '^link:(.+)$')
    if tracker then linked[(listed[tracker] and tracker or '') .. '/' .. cjson.decode(kept[k + 1])[1]] = true end
  end
  for tracker, ids in pairs(found) do
    for _, id in ipairs(ids) do
      if not (linked[tracker .. '/' .. id] or linked['/' .. id]) then redis.call('HSETNX', row, 'intent:' .. tracker, 0) end
    end
  end
  if band >= 0 then redis.call('HSETNX', row, 'band', band) end
  local own = band_of(row)
  mark(ref, ARGV[i + 1], now, -1, 'reconcile', own < 0 and own or own / 100, 'kept')
end
return 1
