-- Answer a question: it is open no more. ARGV: its id, the answer (sealed). Returns whether there is such a question (still).
local row = NOTED.QUESTION .. ARGV[1]
local same, person = unpack(redis.call('HMGET', row, 'same', 'person'))
if not same then return 0 end
redis.call('HSET', row, 'answer', ARGV[2])
redis.call('PEXPIRE', row, NOTED.QUESTION_KEPT_MS)
if redis.call('GET', NOTED.QUESTION_LIKE .. same) == ARGV[1] then redis.call('DEL', NOTED.QUESTION_LIKE .. same) end
redis.call('ZREM', NOTED.QUESTIONS, ARGV[1])
redis.call('ZREM', NOTED.QUESTIONS_OF .. person, ARGV[1])
return 1
