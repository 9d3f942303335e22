-- Mark cases. ARGV: now, cause, then reference, id, band of each.
mark_all(3, tonumber(ARGV[1]), ARGV[2])
return 1
