-- The references of cases at these spots. ARGV: how many are enough, then the spots.
local found = {}
for i = 2, #ARGV do
  for _, ref in ipairs(redis.call('HKEYS', SPOT .. ARGV[i])) do
    if #found >= tonumber(ARGV[1]) then return found end
    found[#found + 1] = ref
  end
end
return found
