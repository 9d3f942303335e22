-- A page of a feed has been read whole: keep what is left to keep of it (see keep_incidents.lua), and move the walk on. ARGV:
-- feed, now, the walk as it was before, the walk that goes on or '', for a walk that ended 'poll', 'sweep' or '' where it was
-- not whole, when (ms) the feed may be read again or 0, the page's number and version, why it was taken in part or '', how many
-- incidents follow, then name and value of each, then the cases to look at. Returns 0 where another worker has kept this page.
local now, row, count = tonumber(ARGV[2]), FEED .. ARGV[1], tonumber(ARGV[10])
if redis.call('HGET', row, 'walk') ~= ARGV[3] then return 0 end
keep_all(ARGV[1], 11, count, now)
redis.call('HSET', row, 'attempts', 0, 'wait_until', ARGV[6])
redis.call('HDEL', row, 'trouble', 'asked_at')
if ARGV[8] == '' then
  redis.call('HDEL', row, 'version:' .. ARGV[7])
else
  redis.call('HSET', row, 'version:' .. ARGV[7], ARGV[8])
end
if ARGV[9] ~= '' then redis.call('HSET', row, 'torn', ARGV[9]) end
if ARGV[4] ~= '' then
  redis.call('HSET', row, 'walk', ARGV[4])
  return 1
end
local began_at = redis.call('HGET', row, 'began_at')
redis.call('HDEL', row, 'walk', 'began_at')
redis.call('HSET', row, 'ended_at', now)
if ARGV[5] ~= '' then
  redis.call('HSET', row, 'polled_at', began_at)
  redis.call('HDEL', row, 'torn')
end
if ARGV[5] == 'sweep' then redis.call('HSET', row, 'swept_at', began_at) end
return 1
