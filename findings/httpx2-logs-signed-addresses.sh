#!/usr/bin/env bash
# One would expect: a log at INFO, which many services keep for months, tells that a request was sent, to which host, and
# with which result. An address whose query is the permission (a signed address of an object store, an invitation, a reset
# of a password) would then not stand there, as `Authorization` does not.
# What happens: httpx2 writes one line at INFO for each request with the whole address, signature and all. Nothing has to
# be switched on but `logging.basicConfig(level=logging.INFO)`. Headers are not in it.
# What to do: hold the logger "httpx2" at WARNING, or the root.
# Source: httpx2/_client.py, `logger.info('HTTP Request: %s %s "%s %d %s"', …)`.
# httpx2 2.16.2 (PyPI), run on Python 3.11.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check httpx2==2.16.2
"$folder/venv/bin/python" - <<'PY'
import io
import logging

import httpx2

written = io.StringIO()
logging.basicConfig(level=logging.INFO, stream=written)
address = "https://files.example/report.pdf?X-Amz-Signature=0123456789abcdef"
with httpx2.Client(transport=httpx2.MockTransport(lambda request: httpx2.Response(200))) as client:
    client.get(address, headers={"Authorization": "Bearer 0123456789abcdef0123456789abcdef"})
print(written.getvalue(), end="")
assert "X-Amz-Signature=0123456789abcdef" in written.getvalue(), "the signature is not logged any more"
assert "Bearer" not in written.getvalue()
PY
