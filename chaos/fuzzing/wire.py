"""A connection of the guarded server without a socket: what it says is written down, and time is moved by hand."""

import asyncio
import re
from collections.abc import Collection
from functools import cache
from typing import Any

from starlette.types import ASGIApp
from uvicorn.config import Config
from uvicorn.server import ServerState

from receiver.guard.budget import HttpLimits
from receiver.guard.connection import Guard
from receiver.guard.protocol import GuardedProtocol, guarded

_STATUS = re.compile(rb"HTTP/1\.1 (\d{3}) ")
_STEPS = 60
"""Rounds of the event loop after which nothing more happens by itself."""


class TimedLoop(asyncio.SelectorEventLoop):
    """An event loop whose clock is moved by hand. Whoever waits in it must not wait for anything but each other."""

    def __init__(self) -> None:
        super().__init__()
        self.ahead = 0.0

    def time(self) -> float:
        """Seconds."""
        return self.ahead

    @property
    def is_at_rest(self) -> bool:
        """Whether only who asks is awake, and nothing is due."""
        ready: Collection[object] = vars(self)["_ready"]  # what asyncio's own loops keep
        timers: Collection[asyncio.TimerHandle] = vars(self)["_scheduled"]
        return not ready and not any(each.when() <= self.ahead for each in timers if not each.cancelled())


class Wire:
    """A transport that writes down what is said, and gives no more than is wanted."""

    def __init__(self, protocol: GuardedProtocol) -> None:
        self.protocol = protocol
        self.said = b""
        self.writes = 0
        self.is_paused = False
        self.is_closed = False
        self.has_ended = False
        self.is_aborted = False
        self.is_shut = False
        self.mistakes: list[bytes] = []
        self.dropped: list[bytes] = []

    def get_extra_info(self, _name: str) -> None:
        """Nothing is known of the other end."""

    def write(self, data: bytes) -> None:
        """Called by the protocol. After a close it is dropped, as transports do; after an end it is a mistake."""
        if self.has_ended and not self.is_closed:
            self.mistakes.append(data)
        if self.is_closed:
            self.dropped.append(data)
        else:
            self.said += data
            self.writes += 1

    def write_eof(self) -> None:
        """Called by the protocol."""
        self.has_ended = True

    def pause_reading(self) -> None:
        """Called by the protocol."""
        self.is_paused = True

    def resume_reading(self) -> None:
        """Called by the protocol."""
        self.is_paused = False

    def is_closing(self) -> bool:
        """Asked by the protocol."""
        return self.is_closed

    def close(self) -> None:
        """Called by the protocol."""
        if not self.is_closed:
            self.is_closed = True
            asyncio.get_running_loop().call_soon(self.protocol.connection_lost, None)

    def abort(self) -> None:
        """Called by the protocol."""
        self.is_aborted = True
        self.close()

    async def give(self, data: bytes) -> None:
        """Give the protocol data as soon as it reads."""
        for _ in range(4 * _STEPS):
            if self.is_closed or not self.is_paused:
                break
            await asyncio.sleep(0)
        assert self.is_closed or not self.is_paused, "reading goes on once the answers are given"
        if data and not self.is_closed:
            self.protocol.data_received(data)

    def shut(self) -> None:
        """The other end says no more. In the middle of its request, it may miss the rest of an early answer."""
        self.is_shut = True
        if not self.protocol.eof_received():
            self.abort()

    async def settle(self) -> None:
        """Let everything happen that happens by itself."""
        loop = asyncio.get_running_loop()
        for _ in range(_STEPS):
            await asyncio.sleep(0)
            if isinstance(loop, TimedLoop) and loop.is_at_rest:
                return

    @property
    def statuses(self) -> list[int]:
        """What was answered, in order."""
        return [int(status) for status in _STATUS.findall(self.said)]


def connected(application: ASGIApp, guard: Guard) -> Wire:
    """A new connection. Must be called in the event loop."""
    config = _config(application)
    make: Any = config.http_protocol_class
    make.guard = guard
    protocol = make(config=config, server_state=ServerState(), app_state={})
    wire = Wire(protocol)
    protocol.connection_made(wire)
    return wire


@cache
def _config(application: ASGIApp) -> Config:
    """One for all connections: what it loads takes longer than a connection."""
    guard = Guard.of(HttpLimits(), 1, 1, lambda: 0.0)
    config = Config(application, http=guarded(guard), ws="none", lifespan="off", log_config=None, proxy_headers=False)
    config.load()
    return config
