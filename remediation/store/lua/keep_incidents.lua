-- Keep some of the incidents of a page, and mark their cases. ARGV: feed, now, the walk, how many incidents follow, then
-- name and value of each, then the cases to look at. Returns 0 where another worker has kept this page.
if redis.call('HGET', FEED .. ARGV[1], 'walk') ~= ARGV[3] then return 0 end
keep_all(ARGV[1], 5, tonumber(ARGV[4]), tonumber(ARGV[2]))
return 1
