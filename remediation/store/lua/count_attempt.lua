-- Somebody tries to sign in to the console. ARGV: number of the span of time, how long (ms) it is remembered, digest of the address,
-- how often one address may try, how often all may, and how many addresses are told apart.
-- Returns 1 where it may be tried, otherwise 0. What is refused is not counted: who keeps trying is not shut out for longer.
local row, address = NOTED.ATTEMPTS .. ARGV[1], ARGV[3]
if redis.call('HLEN', row) > tonumber(ARGV[6]) and redis.call('HEXISTS', row, address) == 0 then address = 'others' end
local tried, by_all = unpack(redis.call('HMGET', row, address, 'all'))
local most = tonumber(address == 'others' and ARGV[5] or ARGV[4])
if tonumber(tried or 0) >= most or tonumber(by_all or 0) >= tonumber(ARGV[5]) then return 0 end
redis.call('HINCRBY', row, address, 1)
redis.call('HINCRBY', row, 'all', 1)
redis.call('PEXPIRE', row, ARGV[2])
return 1
