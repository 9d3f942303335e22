-- with taking.lua
-- The worker that took these deliveries up together is alive, and does not go on with those that it has not finished. ARGV: token,
-- now, and '1' where others are to read them at once, or '' where that is left to the sweep.
for _, id in ipairs(redis.call('SMEMBERS', TAKEN .. ARGV[1])) do
  let_go('delivery/' .. id, ARGV[1])
  if ARGV[3] == '1' and redis.call('HGET', INBOX .. id, 'state') == 'received' then await_reader(id, tonumber(ARGV[2])) end
end
redis.call('DEL', TAKEN .. ARGV[1])
return 1
