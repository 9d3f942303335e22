#!/usr/bin/env bash
# `redis://…?decode_responses=false` in REDIS_URL looks harmless: it says what is the default anyway. It switches decoding
# on: redis-py converts only the parameters that it has a type for, and `decode_responses` is not among them, so that it
# is the text "false", which is true. And a parameter of the address beats the one that the code gives: a program that
# passes `decode_responses=False` gets text where it reads bytes, and an operator's address decides about it.
# redis 5.3.1 (PyPI), run on Python 3.11 with the asyncio and the blocking pool; no server is needed to see it.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check redis==5.3.1
"$folder/venv/bin/python" - <<'PY'
from redis import ConnectionPool
from redis.asyncio import ConnectionPool as AsyncPool

for pool_class in (ConnectionPool, AsyncPool):
    pool = pool_class.from_url("redis://127.0.0.1/0?decode_responses=false&socket_timeout=5", decode_responses=False)
    encoder = pool.get_encoder()
    print(pool_class.__module__, pool.connection_kwargs, "decodes:", encoder.decode(b"x"))
    assert pool.connection_kwargs["decode_responses"] == "false"
    assert pool.connection_kwargs["socket_timeout"] == 5.0, "this one has a type"
    assert encoder.decode(b"x") == "x", "text, although the code and the address both said no"
PY
