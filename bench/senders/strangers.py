"""Clients that ask for more than a connection may use: `python -m bench.senders.strangers <kind> <address> <seconds>`.

They are over limits that the measured receiver has set very low (see SETTINGS): no other server would mind. They
come again and again, and tell how many connections they made and which answers they saw.
"""

import asyncio
import contextlib
import json
import re
import sys
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from urllib.parse import urlsplit

from sandbox.secrets import DISTRICT

SETTINGS = {
    "MAX_CONNECTIONS": "64",
    "MAX_URL_BYTES": "256",
    "MAX_HEADER_BYTES": "1024",
    "MAX_BODY_BYTES": "16384",
    "HEADER_DEADLINE": "2",
    "BODY_DEADLINE": "1",
    "IDLE_SECONDS": "10",
}

_STATUS = re.compile(rb"HTTP/1\.1 (\d{3}) ")
_AT_ONCE = 8
_PAUSE = 0.005
_PATIENCE = 3.0
_MANY = 200
_LINE = b"POST /webhooks/schoolscan/nobody HTTP/1.1\r\nhost: receiver.example\r\n"
_READ = _LINE.replace(b"nobody", DISTRICT.encode()) + b"content-type: application/json\r\n"
"""The receiver reads the body of this, and of what begins with _LINE it does not."""

_SMALL = _LINE + b"content-length: 0\r\n\r\n"
_CHUNKED = b"transfer-encoding: chunked\r\n\r\n"


class Stranger:
    """Makes connections to one address and counts what it is told there."""

    def __init__(self, address: str) -> None:
        self._host, _, port = urlsplit(address).netloc.partition(":")
        self._port = int(port)
        self.answers: Counter[str] = Counter()
        self.connections = 0

    async def says(self, *parts: bytes, pause: float = 0.0, listens: bool = True) -> None:
        """One connection that says this and, if it listens, hears what is said until its end."""
        self.connections += 1
        with contextlib.suppress(OSError):
            reader, writer = await asyncio.open_connection(self._host, self._port)
            listening = asyncio.create_task(self._hears(reader)) if listens else None
            with contextlib.suppress(OSError):
                for part in parts:
                    writer.write(part)
                    await asyncio.sleep(pause)
            if listening:
                await asyncio.wait([listening], timeout=_PATIENCE)
                listening.cancel()
            writer.close()

    async def _hears(self, reader: asyncio.StreamReader) -> None:
        with contextlib.suppress(OSError):
            while said := await reader.read(65_536):
                self.answers.update(status.decode() for status in _STATUS.findall(said))


async def _pipelines(stranger: Stranger) -> None:
    await stranger.says(_SMALL * _MANY, _LINE + b"connection: close\r\n\r\n")


async def _does_not_listen(stranger: Stranger) -> None:
    await stranger.says(*[_SMALL * _MANY] * 5, pause=0.1, listens=False)


async def _long_address(stranger: Stranger) -> None:
    await stranger.says(b"POST /" + b"a" * 300, b" HTTP/1.1\r\n\r\n")


async def _large_head(stranger: Stranger) -> None:
    await stranger.says(_LINE, *[b"x-more: " + b"a" * 100 + b"\r\n"] * 12, pause=_PAUSE)


async def _large_trailers(stranger: Stranger) -> None:
    await stranger.says(_READ + _CHUNKED + b"1\r\na\r\n0\r\n", *[b"x-more: " + b"a" * 100 + b"\r\n"] * 12, pause=_PAUSE)


async def _slow_head(stranger: Stranger) -> None:
    await stranger.says(_LINE, *[b"x: y\r\n"] * 40, pause=0.05)


async def _slow_body(stranger: Stranger) -> None:
    await stranger.says(_READ + b"content-length: 16384\r\n\r\n", b"x" * 16_000, *[b"x"] * 40, pause=0.05)


async def _unread_body(stranger: Stranger) -> None:
    await stranger.says(_LINE + b"content-length: 16384\r\n\r\n", *[b"x" * 1_024] * 16, pause=_PAUSE)


async def _no_http(stranger: Stranger) -> None:
    await stranger.says(b"\x16\x03\x01\r\n\r\n")


async def _crowd(stranger: Stranger) -> None:
    """Three times as many connections as there may be, on which nothing is said."""
    await asyncio.gather(*(stranger.says() for _ in range(3 * int(SETTINGS["MAX_CONNECTIONS"]))))


KINDS: Mapping[str, Callable[[Stranger], Awaitable[None]]] = {
    "pipelines": _pipelines,
    "does not listen": _does_not_listen,
    "long address": _long_address,
    "large head": _large_head,
    "large trailers": _large_trailers,
    "slow head": _slow_head,
    "slow body": _slow_body,
    "unread body": _unread_body,
    "no HTTP": _no_http,
    "crowd": _crowd,
}


async def _bother(kind: str, address: str, seconds: float) -> Stranger:
    stranger, until = Stranger(address), time.monotonic() + seconds

    async def one_of_them() -> None:
        while time.monotonic() < until:
            await KINDS[kind](stranger)
            await asyncio.sleep(_PAUSE)

    await asyncio.gather(*(one_of_them() for _ in range(1 if kind == "crowd" else _AT_ONCE)))
    return stranger


if __name__ == "__main__":
    met = asyncio.run(_bother(sys.argv[1], sys.argv[2], float(sys.argv[3])))
    print(json.dumps({"connections": met.connections, "answers": met.answers}))
