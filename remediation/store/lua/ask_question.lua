-- Ask a question, and call a worker that answers it (see console/questions.py). ARGV: its id, kind, subject (sealed), fingerprints
-- of what is asked and of who asks, now (ms), the name of the job.
-- Returns the id of the question, or of the same one that is open already; and an empty word, or which limit is reached.
local id, kind, subject, same, person, now, job = unpack(ARGV)
now = tonumber(now)
local until_ms, mine = now + NOTED.ANSWERED_WITHIN_MS, NOTED.QUESTIONS_OF .. person
local open = redis.call('GET', NOTED.QUESTION_LIKE .. same)
if open then return {open, ''} end

-- Those that nobody has answered in time: their jobs may wait in the queue where no worker runs.
for _, old in ipairs(redis.call('ZRANGEBYSCORE', NOTED.QUESTIONS, '-inf', now)) do
  redis.call('ZREM', ARQ.QUEUE, job .. ':' .. old)
  redis.call('ZREM', NOTED.QUESTIONS, old)
end
redis.call('ZREMRANGEBYSCORE', mine, '-inf', now)
if redis.call('ZCARD', mine) >= NOTED.MOST_OPEN_OF_ONE then return {'', 'person'} end
if redis.call('ZCARD', NOTED.QUESTIONS) >= NOTED.MOST_OPEN_OF_ALL then return {'', 'all'} end
local begun = redis.call('INCR', NOTED.QUESTIONS_BEGUN)
if begun == 1 then redis.call('PEXPIRE', NOTED.QUESTIONS_BEGUN, 1000) end
if begun > NOTED.MOST_BEGUN_A_SECOND then return {'', 'second'} end

local row = NOTED.QUESTION .. id
redis.call('HSET', row, 'kind', kind, 'subject', subject, 'asked_at', now, 'same', same, 'person', person)
redis.call('PEXPIRE', row, NOTED.QUESTION_KEPT_MS)
redis.call('SET', NOTED.QUESTION_LIKE .. same, id, 'PX', NOTED.ANSWERED_WITHIN_MS)
for _, list in ipairs({NOTED.QUESTIONS, mine}) do
  redis.call('ZADD', list, until_ms, id)
  redis.call('PEXPIRE', list, NOTED.QUESTION_KEPT_MS)
end
enqueue(job .. ':' .. id, job, id, now, 5)
redis.call('PEXPIRE', ARQ.JOB .. job .. ':' .. id, NOTED.ANSWERED_WITHIN_MS) -- arq drops a job that is not there any more
return {id, ''}
