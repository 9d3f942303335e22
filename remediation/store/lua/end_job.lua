-- A job has ended, and its result is not kept: it leaves the queue, as arq's worker does it. ARGV: its id.
redis.call('DEL', ARQ.IN_PROGRESS .. ARGV[1], ARQ.RETRY .. ARGV[1], ARQ.JOB .. ARGV[1])
redis.call('ZREM', ARQ.QUEUE, ARGV[1])
return 1
