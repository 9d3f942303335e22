#!/usr/bin/env bash
# One would expect: an answer with `Content-Encoding: gzip` whose compressed bytes stop in the middle is an error, as it is
# for Python's own gzip module: a gzip stream says where it ends, with a checksum and a length.
# What happens: httpx2 2.16.2 and requests 2.34.2 (urllib3 2.8.0) return 200 and what could be unpacked, and say nothing. It
# takes a gateway that fails while it compresses and still counts its bytes right: Content-Length fits, so HTTP sees no break.
# Source: httpx2/_decoders.py and urllib3/response.py call `flush()` at the end, and never look at `decompressobj.eof`.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check httpx2==2.16.2 requests==2.34.2 urllib3==2.8.0

"$folder/venv/bin/python" - <<'PROBE'
import gzip
import http.server
import random
import sys
import threading

import httpx2
import requests

WHOLE = bytes(random.Random(1).choices(b"abcdefgh", k=20_000))
CUT = gzip.compress(WHOLE)[: len(gzip.compress(WHOLE)) // 2]


class Gateway(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Encoding", "gzip")
        self.send_header("Content-Length", str(len(CUT)))
        self.end_headers()
        self.wfile.write(CUT)

    def log_message(self, *_words):
        pass


server = http.server.HTTPServer(("127.0.0.1", 0), Gateway)
threading.Thread(target=server.serve_forever, daemon=True).start()
address = f"http://127.0.0.1:{server.server_port}/"

with httpx2.Client(trust_env=False) as client, requests.Session() as session:
    session.trust_env = False
    bodies = {"httpx2": client.get(address).content, "requests": session.get(address).content}
for name, body in bodies.items():
    print(f"{name}: no error, {len(body):,} of {len(WHOLE):,} bytes")

try:
    gzip.decompress(CUT)
    own = "no error"
except EOFError as error:
    own = f"EOFError: {error}"
print("gzip.decompress:", own)
silent = all(0 < len(body) < len(WHOLE) and WHOLE.startswith(body) for body in bodies.values())
sys.exit(0 if silent and own.startswith("EOFError") else 1)
PROBE
