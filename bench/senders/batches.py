"""Short batches of deliveries over connections that stay open, and the processor time that a server takes for each.

Two servers that differ by a few percent must be held together often and shortly: what else the machine does comes and
goes, and is the same for two batches that follow each other. A connection is made once, so that none is in the figures.
"""

import asyncio
import time
from dataclasses import dataclass, field
from typing import cast
from urllib.parse import urlsplit

import httptools

from bench.processes import cpu_nanoseconds
from bench.senders.deliveries import Deliveries

_END_OF_HEAD = b"\r\n\r\n"
_APART_SECONDS = 0.001
"""Between a head and its body, where they come apart: long enough for the server to read them one by one."""

_REST_SECONDS = 0.0005
"""After a batch, what it made the server do is done."""


class BatchFailed(Exception):
    """An answer was not the expected one, or a connection broke."""


@dataclass(slots=True)
class Batches:
    """Batches for one server: the process, its address, and whether its requests come in two parts, head and body."""

    pid: int
    address: str
    status: int
    is_apart: bool = False
    _idle: list["_Connection"] = field(default_factory=list)
    _waiting: list[bytes] = field(default_factory=list)
    _over: asyncio.Future[None] | None = None
    _unanswered: int = 0

    async def dial(self, connections: int) -> None:
        """Make the connections."""
        host, port = urlsplit(self.address).netloc.split(":")
        loop = asyncio.get_running_loop()
        for _ in range(connections):
            _, connection = await loop.create_connection(lambda: _Connection(self), host, int(port))
            self._idle.append(connection)

    async def microseconds(self, deliveries: Deliveries, count: int) -> float:
        """Send so many, one at a time on each connection; the processor time for one. Raises BatchFailed."""
        now = time.time()
        self._waiting = [deliveries.request(now) for _ in range(count)]
        self._over, self._unanswered = asyncio.get_running_loop().create_future(), count
        before = cpu_nanoseconds(self.pid)
        while self._idle and self._waiting:
            self._idle.pop().send(self._waiting.pop())
        await self._over
        await asyncio.sleep(_REST_SECONDS)
        return (cpu_nanoseconds(self.pid) - before) / count / 1e3

    def answered(self, connection: "_Connection", status: int) -> None:
        """Called by a connection: the next delivery, or none."""
        self._unanswered -= 1
        if status != self.status:
            self.fail(f"answered {status} instead of {self.status}")
        elif self._waiting:
            connection.send(self._waiting.pop())
            return
        self._idle.append(connection)
        if not self._unanswered and self._over and not self._over.done():
            self._over.set_result(None)

    def fail(self, reason: str) -> None:
        """Called by a connection."""
        if self._over and not self._over.done():
            self._over.set_exception(BatchFailed(reason))


class _Connection(asyncio.Protocol):
    def __init__(self, batches: Batches) -> None:
        self._batches = batches
        self._parser = httptools.HttpResponseParser(self)
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's own class, which is no subclass

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self._batches.fail(f"a connection broke: {type(exc).__name__}")

    def send(self, request: bytes) -> None:
        if not self._batches.is_apart:
            self._write(request)
            return
        end = request.index(_END_OF_HEAD) + len(_END_OF_HEAD)
        self._write(request[:end])
        asyncio.get_running_loop().call_later(_APART_SECONDS, self._write, request[end:])

    def _write(self, data: bytes) -> None:
        if self._transport:
            self._transport.write(data)

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_message_complete(self) -> None:
        self._batches.answered(self, self._parser.get_status_code())
