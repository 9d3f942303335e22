-- Add lines to the audit, if its head is still the one that they follow. ARGV: that head or '', the new head, the first id of
-- what waits that is kept, or '' for all of it, the first line of the trail that is kept, or '' for all of it, then place and
-- text of each line.
-- Returns 1; 0 if the head is another one, 2 if the trail has a place that is later than the first one: then nothing is done.
if (redis.call('GET', AUDIT_HEAD) or '') ~= ARGV[1] then return 0 end
if #ARGV > 4 then
  local added = redis.pcall('XADD', AUDIT_TRAIL, ARGV[5], 'l', ARGV[6])
  if type(added) == 'table' and added.err then return 2 end
end
for i = 7, #ARGV, 2 do redis.call('XADD', AUDIT_TRAIL, ARGV[i], 'l', ARGV[i + 1]) end
redis.call('SET', AUDIT_HEAD, ARGV[2])
if ARGV[3] ~= '' then redis.call('XTRIM', AUDIT_WAITING, 'MINID', ARGV[3]) end
if ARGV[4] ~= '' then
  local deleted = redis.call('XTRIM', AUDIT_TRAIL, 'MINID', ARGV[4])
  if deleted > 0 then shred(deleted) end -- sealed names
end
return 1
