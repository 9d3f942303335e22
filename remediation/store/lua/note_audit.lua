-- Add lines of the audit, once. ARGV: an id of these lines, how long (ms) it is remembered, and the lines.
if redis.call('SET', AUDIT_NOTED .. ARGV[1], 1, 'NX', 'PX', ARGV[2]) then
  for i = 3, #ARGV do note_line(ARGV[i]) end
end
return 1
