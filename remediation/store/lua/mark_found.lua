-- Mark cases because a reconcile wants all of them looked at again. ARGV: now, then reference, id, band and trackers (joined
-- by commas) of each; in these trackers there is a ticket with the case's mark.
-- They wait behind all work above the band LOW, those of the highest band first, and what a backfill found behind that still.
local now = tonumber(ARGV[1])
for i = 2, #ARGV, 4 do
  local ref, band = ARGV[i], tonumber(ARGV[i + 2])
  local row = CASE .. ref
  for tracker in string.gmatch(ARGV[i + 3], '[^,]+') do
    expect_ticket(row, tracker)
  end
  if band >= 0 then redis.call('HSETNX', row, 'band', band) end
  local own = band_of(row)
  mark(ref, ARGV[i + 1], now, -1, 'reconcile', own < 0 and own or own / 100, 'kept')
end
return 1
