-- Take a question up, once. ARGV: its id, now (ms). Returns its kind, subject (sealed) and when (ms) it was asked; or nothing,
-- where it was taken up before or is too old.
local row = NOTED.QUESTION .. ARGV[1]
local kind, subject, asked_at = unpack(redis.call('HMGET', row, 'kind', 'subject', 'asked_at'))
if not kind or tonumber(ARGV[2]) >= tonumber(asked_at) + NOTED.ANSWERED_WITHIN_MS then return {} end
if redis.call('HSETNX', row, 'taken_at', ARGV[2]) == 0 then return {} end
return {kind, subject, asked_at}
