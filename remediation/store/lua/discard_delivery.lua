-- with delivery_lists.lua
-- A person decides that a delivery which waits to be read is not read: shred its body and keep its fingerprint. ARGV: id,
-- lifetime of the fingerprint (ms), a line of the audit or ''. Returns 0 where it does not wait (any more).
if redis.call('HGET', INBOX .. ARGV[1], 'state') ~= 'received' then return 0 end
close_delivery(ARGV[1], ARGV[2], 'discarded')
NOTED.list_delivery(ARGV[1], 'discarded', ARGV[2])
note_line(ARGV[3])
return 1
