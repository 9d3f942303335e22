-- A link that signs in to the console once. ARGV: digest of its token, for whom it is (sealed), how long (ms) it is of use, and a
-- line of the audit.
local row = NOTED.LINK .. ARGV[1]
redis.call('HSET', row, 'sealed', ARGV[2])
redis.call('PEXPIRE', row, ARGV[3])
note_line(ARGV[4])
return 1
