-- Mark cases, with the cursor of the list that named them. ARGV: now, cursor's name or '', cursor, then the cases.
if ARGV[2] ~= '' then redis.call('SET', CURSOR .. ARGV[2], ARGV[3]) end
mark_all(4, tonumber(ARGV[1]))
return 1
