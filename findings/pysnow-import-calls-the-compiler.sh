#!/usr/bin/env bash
# One would expect that importing a client of a web service reads files and starts nothing. `import pysnow` starts
# processes: it imports ijson, which tries its parsers one after the other, and each of those that want the yajl library
# asks `ctypes.util.find_library` for it. Where there is no yajl that runs `/sbin/ldconfig -p`, and where they are
# installed the C compiler and the linker, every time, with a file in the folder for temporary files. A test or a sandbox
# that forbids a program to start others fails at the import; a short command pays for it at each start.
# pysnow 0.7.17, ijson 2.6.1 (PyPI), run on Python 3.11; as seen by the interpreter's own audit events (PEP 578).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check pysnow==0.7.17 ijson==2.6.1
"$folder/venv/bin/python" -W ignore - <<'PY'
import sys

started = []


def listen(event, arguments):
    if event == "subprocess.Popen":
        started.append(" ".join(map(str, arguments[1])))


sys.addaudithook(listen)
import pysnow  # noqa: E402, F401

print(*started, sep="\n")
assert any("ldconfig" in each or "gcc" in each for each in started), "importing pysnow starts nothing any more"
PY
