-- Begin to list all findings of a district, so that those without a case get one (see backfills.py). ARGV: reference of the
-- listing, now, how long (ms) its row is kept once it is done, severities joined by commas or '' for all, since when (ms) they
-- changed or '', the band of its pages, and a line of the audit or '', which is added where it begins.
-- Its id is another one each time: a worker that lists a page of an earlier one must not mark it (see mark_page.lua).
-- Returns 0 while an earlier one is being listed, or is parked and a person has not decided about it.
local ref, now = ARGV[1], tonumber(ARGV[2])
local row = SCAN .. ref
if redis.call('HGET', row, 'state') == 'listing' or redis.call('ZSCORE', PARKED, ref .. '/list') then return 0 end
for _, name in ipairs(redis.call('HKEYS', row)) do
  if name ~= 'wakes' then redis.call('HDEL', row, name) end -- an id of a job is not used twice
end
redis.call('HSET', row, 'id', 'account-' .. ARGV[2], 'state', 'listing', 'cursor', '', 'pages', 0, 'marked', 0, 'attempts', 0,
  'begun_at', now, 'at', now, 'kept_ms', ARGV[3], 'severities', ARGV[4], 'changed_since', ARGV[5], 'band', ARGV[6])
redis.call('PERSIST', row)
redis.call('DEL', BEGUN .. ref)
redis.call('ZADD', SCANS, now + GRACE_MS, ref)
wake_once(row, 'page_scan', ref, now, tonumber(ARGV[6]))
note_line(ARGV[7])
return 1
