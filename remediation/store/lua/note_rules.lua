-- Note which mappings.yaml workers use, and add a line of the audit where it is another than before. ARGV: its digest, the
-- line, now (ms). Returns 1 where it is another.
if redis.call('GET', AUDIT_RULES) == ARGV[1] then return 0 end
redis.call('SET', AUDIT_RULES, ARGV[1])
redis.call('SET', NOTED.RULES_SINCE, ARGV[3])
note_line(ARGV[2])
return 1
