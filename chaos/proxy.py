"""A TCP proxy of our own: it passes everything on until it is told to cut, halve, delay or stall a conversation.

It does not understand what it carries; a fault is for a request in which a given word stands (`EVALSHA`, `POST /rest`).
"""

import asyncio
import ssl
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Literal

from sandbox.wire.server import stop_accepting

Kind = Literal["cut_before", "cut_after", "half", "delay", "stall"]
Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]

_CHUNK = 1 << 16
_ARRIVES_SECONDS = 0.02
_START_SECONDS = 10.0
_REFUSALS = (b"-NOSCRIPT",)
"""Replies after which nothing has been carried out: the fault waits for the request that will be."""


@dataclass(slots=True)
class Fault:
    """What happens to the next `times` requests that contain `word`.

    cut_before: the connection is reset, and nothing is passed on. cut_after: the request is carried out, and the
    connection reset when the reply begins. half: as cut_after, with the first half of the reply. delay: passed on after
    `seconds`. stall: nothing is passed on, the connection stays open for `seconds`.
    """

    kind: Kind
    word: bytes
    times: int = 1
    seconds: float = 0.0


class Proxy:
    """The proxy in front of one server. `happened` counts the faults; with `tls` it speaks TLS to those who come."""

    def __init__(self, connect: Callable[[], Awaitable[Streams]], tls: ssl.SSLContext | None = None) -> None:
        self.port = 0
        self.happened = 0
        self._connect = connect
        self._tls = tls
        self._faults: list[Fault] = []
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None
        self._listening = threading.Event()
        self._tasks: set[asyncio.Task[None]] = set()

    def order(self, fault: Fault) -> None:
        """Let this happen."""
        with self._lock:
            self._faults.append(fault)

    def lead_to(self, connect: Callable[[], Awaitable[Streams]]) -> None:
        """From now on, new connections go to another server; those that are open stay where they are."""
        self._connect = connect

    def mend(self) -> None:
        """Take back what has not happened yet."""
        with self._lock:
            self._faults.clear()

    @contextmanager
    def running(self) -> Iterator["Proxy"]:
        """Listen on a free loopback port, in a thread of its own."""
        thread = threading.Thread(target=lambda: asyncio.run(self._run()), name="proxy", daemon=True)
        thread.start()
        if not self._listening.wait(_START_SECONDS):
            raise RuntimeError("the proxy did not start")
        try:
            yield self
        finally:
            if self._loop is not None and self._stop is not None:
                self._loop.call_soon_threadsafe(self._stop.set)
            thread.join()

    async def _run(self) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        server = await asyncio.start_server(self._accept, "127.0.0.1", 0, ssl=self._tls)
        self.port = server.sockets[0].getsockname()[1]
        self._listening.set()
        await self._stop.wait()
        await stop_accepting(server)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._converse((reader, writer)))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        task.add_done_callback(lambda _: writer.transport.abort())  # even where it was cancelled before it began

    async def _converse(self, near: Streams) -> None:
        with suppress(OSError):
            await _Conversation(self, near, await self._connect()).carry()

    def due(self, data: bytes) -> Fault | None:
        """The fault for a request, counted down."""
        with self._lock:
            for fault in self._faults:
                if fault.word in data:
                    fault.times -= 1
                    self._faults = [each for each in self._faults if each.times > 0]
                    return fault
        return None


class _Conversation:
    """One connection through the proxy, both ways."""

    def __init__(self, proxy: Proxy, near: Streams, far: Streams) -> None:
        self._proxy = proxy
        self._near = near
        self._far = far
        self._fault: Fault | None = None

    async def carry(self) -> None:
        """Pass on until either side is done, or a fault ends it."""
        ways = [asyncio.create_task(self._requests()), asyncio.create_task(self._replies())]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            self._far[1].transport.abort()  # before anything is awaited: the proxy may end now
            await asyncio.gather(*ways, return_exceptions=True)

    async def _requests(self) -> None:
        reader, writer = self._near[0], self._far[1]
        while data := await reader.read(_CHUNK):
            fault = self._proxy.due(data)
            if fault is not None and not await self._passes(fault):
                return
            writer.write(data)
            with suppress(OSError):
                await writer.drain()

    async def _passes(self, fault: Fault) -> bool:
        """Whether the request is passed on."""
        if fault.kind in {"cut_after", "half"}:
            self._fault = fault
            return True
        self._proxy.happened += 1
        await asyncio.sleep(fault.seconds)
        return fault.kind == "delay"

    async def _replies(self) -> None:
        reader, writer = self._far[0], self._near[1]
        while data := await reader.read(_CHUNK):
            if self._fault is not None and not data.startswith(_REFUSALS):
                self._proxy.happened += 1
                if self._fault.kind == "half":
                    writer.write(data[: len(data) // 2])
                    await asyncio.sleep(_ARRIVES_SECONDS)
                return
            writer.write(data)
            with suppress(OSError):
                await writer.drain()
