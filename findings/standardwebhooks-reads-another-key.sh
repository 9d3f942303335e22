#!/usr/bin/env bash
# A secret of Standard Webhooks is base64 behind `whsec_`. One would expect a library to refuse a secret that is written
# in the URL alphabet (`-` and `_`, as `base64.urlsafe_b64encode` and many vaults make it), or to read it. The library for
# Python does neither: it passes over the characters that it does not know and makes another, shorter key of the rest. It
# signs and verifies with that; nobody is told, and the other side answers that no signature fits. (It raises only where
# the rest has a length that no base64 has. Those for Go, Rust and Elixir refuse every such secret.) The reason is `base64.b64decode` without `validate=True`.
# standardwebhooks 1.1.0 (PyPI), run on Python 3.11; libraries/python and libraries/go in standard-webhooks on GitHub.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check standardwebhooks==1.1.0
"$folder/venv/bin/python" - <<'PY'
import base64
import hashlib
import hmac
from datetime import datetime, timezone

from standardwebhooks.webhooks import Webhook

key = b"an example of a key \xff\xff\xff\xfe, no secret"
plain, url = base64.b64encode(key).decode(), base64.urlsafe_b64encode(key).decode()
print("the same key in both alphabets:", plain, url)
assert plain != url


def signed_by_hand(secret: bytes) -> str:
    return "v1," + base64.b64encode(hmac.digest(secret, b"msg_1.0.{}", hashlib.sha256)).decode()


def signed(secret: str) -> str:
    return Webhook(secret).sign("msg_1", datetime.fromtimestamp(0, timezone.utc), "{}")


print("standard alphabet: signs with the key:", signed(f"whsec_{plain}") == signed_by_hand(key))
print("URL alphabet:      signs with the key:", signed(f"whsec_{url}") == signed_by_hand(key))
rest = base64.b64decode(url + "==")
print(f"URL alphabet:      signs with {len(rest)} other bytes of {len(key)}:", signed(f"whsec_{url}") == signed_by_hand(rest))
assert signed(f"whsec_{plain}") == signed_by_hand(key)
assert signed(f"whsec_{url}") == signed_by_hand(rest) != signed_by_hand(key)
PY
