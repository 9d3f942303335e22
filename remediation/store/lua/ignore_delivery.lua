-- A delivery was read, and we do not know its event. ARGV: id, lifetime of the fingerprint (ms). Returns 0 if it was
-- finished already.
if redis.call('HGET', INBOX .. ARGV[1], 'state') ~= 'received' then return 0 end
close_delivery(ARGV[1], ARGV[2], 'ignored')
return 1
