-- Note when (ms) this Redis was first worked with since its server started, if nobody has. ARGV: now.
return beginning(tonumber(ARGV[1]))
