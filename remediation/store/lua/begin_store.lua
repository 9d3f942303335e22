-- Store when (ms) this Redis was first used since its server started, if that is not stored yet. ARGV: now. Returns it.
return beginning(tonumber(ARGV[1]))
