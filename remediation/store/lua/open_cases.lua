-- Count open cases by severity and by how long that is known. ARGV: how many bounds; the moments (ms), the latest first, since
-- which a case has been open that is of the first, second … band; then the districts. Returns for each district and severity
-- with a case: both names, how many cases are younger than each bound, and how many there are.
local bounds, answer = tonumber(ARGV[1]), {}
for i = bounds + 2, #ARGV do
  for severity in string.gmatch(NOTED.SEVERITIES, '%a+') do
    local key = NOTED.OPEN .. ARGV[i] .. '/' .. severity
    local all = redis.call('ZCARD', key)
    if all > 0 then
      answer[#answer + 1] = ARGV[i]
      answer[#answer + 1] = severity
      for bound = 2, bounds + 1 do answer[#answer + 1] = redis.call('ZCOUNT', key, '(' .. ARGV[bound], '+inf') end
      answer[#answer + 1] = all
    end
  end
end
return answer
