"""The load: a process of its own that sends signed deliveries to one address on this machine and times the answers.

`python -m bench.senders.load '<order as JSON>'` prints an Outcome as JSON. Without a rate, every connection sends its
next delivery when the last is answered. With a rate, deliveries fall due at even distances whatever the answers do, and
latency counts from that moment, so that a server that stalls is charged for all that had to wait.
"""

import asyncio
import json
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import cast
from urllib.parse import urlsplit

import httptools
import uvloop

from bench.report import percentile
from bench.senders.deliveries import Deliveries

_TICK = 0.001
_DRAIN_SECONDS = 30.0
_START_SECONDS = 30.0


class LoadFailed(Exception):
    """The load could not be put on: an answer was not the expected one, or a connection broke."""


@dataclass(frozen=True, slots=True)
class Order:
    """How much to send. It ends after `seconds`, or after `count` deliveries where that comes first."""

    address: str
    run: str
    status: int
    seconds: float
    connections: int = 64
    rate: float | None = None
    count: int | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of it. Latencies are in milliseconds."""

    count: int
    rate: float
    p50: float
    p99: float


def put_load(order: Order) -> Outcome:
    """Send from another process, so that timing and sending do not wait for each other. Raises LoadFailed."""
    words = [sys.executable, "-m", "bench.senders.load", json.dumps(asdict(order))]
    limit = order.seconds + _DRAIN_SECONDS + _START_SECONDS
    done = subprocess.run(words, capture_output=True, timeout=limit, check=False)  # noqa: S603 - our own interpreter
    if done.returncode:
        raise LoadFailed(done.stderr.decode(errors="replace").strip().rpartition("\n")[2])
    return Outcome(**json.loads(done.stdout))


@dataclass(slots=True)
class _Run:
    """One run of the load: what falls due, who is free to send it, and how long each took."""

    order: Order
    deliveries: Deliveries
    over: asyncio.Future[None]
    free: deque["_Sender"] = field(default_factory=deque)
    dialing: set["asyncio.Task[object]"] = field(default_factory=set)
    latencies: list[float] = field(default_factory=list)
    sent: int = 0
    started: float = 0.0
    ended: float = 0.0

    def dial(self) -> "asyncio.Task[object]":
        """One more connection, which is free once it is made."""
        loop = asyncio.get_running_loop()
        host, port = urlsplit(self.order.address).netloc.split(":")
        task = loop.create_task(loop.create_connection(lambda: _Sender(self), host, int(port)))
        self.dialing.add(task)
        task.add_done_callback(self.dialing.discard)
        return task

    def begin(self) -> None:
        self.started = time.perf_counter()
        if self.order.rate:
            self._tick()
            return
        while self.free:
            self._send(self.free.popleft(), time.perf_counter())

    def answered(self, sender: "_Sender", status: int) -> None:
        now = time.perf_counter()
        if status != self.order.status:
            self.fail(f"answered {status} instead of {self.order.status}")
            return
        self.latencies.append(now - sender.due)
        self.ended = now
        if self.order.rate:
            self.free.append(sender)
        elif self._is_enough(now):
            self._end_when_idle()
        else:
            self._send(sender, now)

    def fail(self, reason: str) -> None:
        if not self.over.done():
            self.over.set_exception(LoadFailed(reason))

    def _is_enough(self, now: float) -> bool:
        count = self.order.count
        return now - self.started >= self.order.seconds or (count is not None and self.sent >= count)

    def _tick(self) -> None:
        """Send what has fallen due since the last tick, as far as connections are free."""
        now = time.perf_counter()
        rate = self.order.rate or 0.0
        enough = int(rate * self.order.seconds)
        while self.free and self.sent < enough and (due := self.started + self.sent / rate) <= now:
            self._send(self.free.popleft(), due)
        if self.sent >= enough:
            self._end_when_idle()
        if not self.over.done():
            asyncio.get_running_loop().call_later(_TICK, self._tick)

    def _send(self, sender: "_Sender", due: float) -> None:
        self.sent += 1
        sender.send(self.deliveries.request(time.time()), due)

    def _end_when_idle(self) -> None:
        if len(self.latencies) == self.sent and not self.over.done():
            self.over.set_result(None)


class _Sender(asyncio.Protocol):
    """One connection, with one request on the way at most."""

    def __init__(self, run: _Run) -> None:
        self._run = run
        self._parser = httptools.HttpResponseParser(self)
        self._write: Callable[[bytes], None] = lambda _: None
        self.due = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._write = cast("asyncio.Transport", transport).write  # uvloop's own class, which is no subclass
        self._run.free.append(self)

    def connection_lost(self, exc: Exception | None) -> None:
        if self in self._run.free:  # a server may close what rests: a sender dials anew
            self._run.free.remove(self)
            self._run.dial()
        else:
            self._run.fail(f"a connection broke: {type(exc).__name__}")

    def send(self, request: bytes, due: float) -> None:
        self.due = due
        self._write(request)

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_message_complete(self) -> None:
        self._run.answered(self, self._parser.get_status_code())


async def carry_out(order: Order) -> Outcome:
    """Send from this process. Raises LoadFailed."""
    run = _Run(order, Deliveries(order.address, order.run), asyncio.get_running_loop().create_future())
    await asyncio.gather(*(run.dial() for _ in range(order.connections)))
    run.begin()
    async with asyncio.timeout(order.seconds + _DRAIN_SECONDS):
        await run.over
    milliseconds = [latency * 1000 for latency in run.latencies]
    rate = len(milliseconds) / (run.ended - run.started)
    return Outcome(len(milliseconds), rate, percentile(milliseconds, 0.5), percentile(milliseconds, 0.99))


if __name__ == "__main__":
    print(json.dumps(asdict(uvloop.run(carry_out(Order(**json.loads(sys.argv[1])))))))
