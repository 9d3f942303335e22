-- Add lines to the copy of the audit's trail. ARGV: how long (ms) the copy is kept where nobody goes on with it, the place
-- after which they follow, or '' where they begin it, then place and text of each.
-- Returns 1; 0, and nothing is added, where the copy ends elsewhere: another command writes one, or its time was over.
if ARGV[2] == '' then redis.call('DEL', AUDIT_COPY) end
local last = redis.call('XREVRANGE', AUDIT_COPY, '+', '-', 'COUNT', 1)
if (last[1] and last[1][1] or '') ~= ARGV[2] then return 0 end
for i = 3, #ARGV, 2 do redis.call('XADD', AUDIT_COPY, ARGV[i], 'l', ARGV[i + 1]) end
redis.call('PEXPIRE', AUDIT_COPY, ARGV[1])
return 1
