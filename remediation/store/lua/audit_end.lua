-- What whoever adds to the audit must know: its head or '', the place of the last line in the trail or '', and whether there
-- are cases.
local last = redis.call('XREVRANGE', AUDIT_TRAIL, '+', '-', 'COUNT', 1)
return {redis.call('GET', AUDIT_HEAD) or '', last[1] and last[1][1] or '', redis.call('EXISTS', CASE_LISTS)}
