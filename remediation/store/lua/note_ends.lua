-- Note since when cases are at their end, or that they are not, where an earlier version looked at them last. ARGV: now, then
-- for each its reference, its generation when it was read, and '1' where it is at its end, else ''.
local now = math.floor(tonumber(ARGV[1]) / 1000)
for i = 2, #ARGV, 3 do
  local row = CASE .. ARGV[i]
  if redis.call('HGET', row, 'gen') == ARGV[i + 1] and not redis.call('ZSCORE', DIRTY, ARGV[i]) then
    if ARGV[i + 2] ~= '1' then
      redis.call('HDEL', row, 'ended')
    elseif not redis.call('ZSCORE', APPOINTMENTS, ARGV[i]) then
      redis.call('HSETNX', row, 'ended', now)
    end
  end
end
return 1
