-- Note for which account a feed is read. Where it was another one until now, nothing of the feed counts as read. ARGV: feed,
-- now, how long (ms) a request may take, then the account's fingerprint by each data key. Returns 0, and changes nothing, while
-- somebody asks that other account for a page: its answer would count as this one's.
local row, now = FEED .. ARGV[1], tonumber(ARGV[2])
local known = redis.call('HGET', row, 'account')
local is_same = not known
for i = 4, #ARGV do is_same = is_same or known == ARGV[i] end
if not is_same then
  local asked_at = tonumber(redis.call('HGET', row, 'asked_at') or '')
  if asked_at and asked_at <= now and now - asked_at < tonumber(ARGV[3]) then return 0 end
  redis.call('HDEL', row, 'walk', 'began_at', 'asked_at', 'attempts', 'wait_until', 'trouble', 'torn', 'polled_at', 'swept_at')
end
redis.call('HSET', row, 'account', ARGV[4])
return 1
