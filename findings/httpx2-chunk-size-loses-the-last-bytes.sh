#!/usr/bin/env bash
# One would expect: whoever streams an answer gets every byte that arrived, and then the error where the connection breaks;
# `aiter_bytes(chunk_size=…)` only says in which portions.
# What happens: httpx2 2.16.2 gathers bytes until a portion is full, and a connection that breaks takes what was gathered with
# it. Of 100,000 bytes that arrived, 65,536 are handed over with a chunk size of 64 KiB, none with 150,000, all without one.
# Source: `ByteChunker` in httpx2/_decoders.py and `Response.aiter_bytes` in httpx2/_models.py, which flushes it only after
# the last byte.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check httpx2==2.16.2

"$folder/venv/bin/python" - <<'PROBE'
import asyncio
import sys

import httpx2

ARRIVES, ANNOUNCED = 100_000, 200_000


async def half(reader, writer):
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % ANNOUNCED + b"x" * ARRIVES)
    await writer.drain()
    writer.close()


async def handed_over(client, address, size):
    count = 0
    try:
        async with client.stream("GET", address) as response:
            async for chunk in response.aiter_bytes(size):
                count += len(chunk)
    except httpx2.RemoteProtocolError as error:
        print(f"chunk size {size}: {count:,} of {ARRIVES:,} bytes, then {type(error).__name__}")
    return count


async def main():
    server = await asyncio.start_server(half, "127.0.0.1", 0)
    address = "http://127.0.0.1:%d/" % server.sockets[0].getsockname()[1]
    async with httpx2.AsyncClient(trust_env=False) as client:
        return [await handed_over(client, address, size) for size in (None, 65_536, 150_000)]


sys.exit(0 if asyncio.run(main()) == [100_000, 65_536, 0] else 1)
PROBE
