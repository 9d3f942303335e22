-- How far the cases of an earlier version have been listed, and noted as open where it listed them itself. ARGV: now. Returns
-- 'done', or a SCAN cursor and the run id of the server that it is of: another server would take it for another place. Then
-- the listing begins anew, which is safe.
if redis.call('HEXISTS', CASES_LISTED, 'open_at') == 1 then return {'done'} end
beginning(tonumber(ARGV[1]))
local server = redis.call('GET', SERVER) or ''
local cursor, of_server = unpack(redis.call('HMGET', CASES_LISTED, 'cursor', 'server'))
if not cursor or of_server ~= server then
  cursor = '0'
  redis.call('HSET', CASES_LISTED, 'cursor', cursor, 'server', server)
end
return {cursor, server}
