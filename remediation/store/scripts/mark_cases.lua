-- Mark cases. ARGV: now, then reference, id, band of each.
mark_all(2, tonumber(ARGV[1]))
return 1
