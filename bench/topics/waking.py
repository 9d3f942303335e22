"""B2, B3: how long an idle system takes to begin, what it costs to stay ready, and how fast it reads what waits."""

import asyncio
import contextlib
import json
import os
import random
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial
from statistics import median

import httpx2
from arq.connections import ArqRedis
from redis.asyncio import Redis

from bench.anchors import ARRIVED
from bench.effort import Effort
from bench.processes import cpu_seconds, running
from bench.report import Line, Report, median_ratio, percentile
from bench.senders.deliveries import PATH
from bench.system import TRACKERS, System, open_system
from bench.watching import Command, emptied, watch
from remediation.deliveries.events import SCHOOLSCAN
from remediation.deliveries.signatures import SignatureFormat, sign
from remediation.queue import WORK_QUEUE
from remediation.sealing import Keyring
from remediation.store.deliveries.inbox import Inbox
from remediation.store.keys import PENDING
from remediation.store.server.connection import Connection
from sandbox.secrets import DISTRICT, ENVIRONMENT
from sandbox.stage.processes import Program

START = "enqueue → start, idle worker"
FIRST = "202 → first request at a tracker"
START_ANCHOR = "anchor: enqueue → start, arq as it comes"
READ_ANCHOR = "anchor: one request at SchoolScan"

MOST_START_MS = (3.0, 10.0)
MOST_FIRST_MS = (15.0, 40.0)
MOST_IDLE_PERCENT = 0.5

LEAST_READ = 3_000
"""Deliveries that one worker reads in a second, when they wait and their cases are known."""

_DRAINED_A_SAMPLE = 100
_TOGETHER = 50
_DRAIN_SECONDS = 60.0
_PAUSE = 0.005
_RHYTHM = 0.05
_ARQ_RHYTHM = 0.5
_ARQ_QUEUE = "arq:queue"


@dataclass(slots=True)
class Series:
    """One kind of wait, in milliseconds, by round."""

    rounds: list[list[float]] = field(default_factory=list)

    def middle(self, share: float) -> float:
        """The median of the rounds' percentiles."""
        return median(percentile(each, share) for each in self.rounds)

    async def gather(self, count: int, sample: Callable[[], Awaitable[float]], rhythm: float = _RHYTHM) -> None:
        """One more round of so many samples, at any moment of a rhythm (seconds) in which somebody asks Redis."""
        self.rounds.append([])
        for _ in range(count):
            await asyncio.sleep(random.SystemRandom().uniform(0, rhythm))
            self.rounds[-1].append(await sample())


@dataclass(frozen=True, slots=True)
class Drained:
    """How fast something that waited was worked off, and the processor time (µs) for each piece."""

    rate: float
    us: float


@dataclass(frozen=True, slots=True)
class Bench:
    """The system, and beside it a worker of arq's own on the same store."""

    system: System
    plain: Program
    arq: ArqRedis
    client: httpx2.AsyncClient
    starts: list[float] = field(default_factory=list)
    known: list[str] = field(default_factory=list)

    async def deliver(self) -> float:
        """Let a delivery about a new finding through; answers milliseconds from 202 to a tracker's first request."""
        finding = self.system.add_finding()
        self.known.append(finding)
        self.system.forget_requests()
        async with watch(self.system.redis) as watched:
            answered = await self._post(finding)
            queued = await watched.first(lambda each: each.is_for("ZADD", WORK_QUEUE))
            begun = await watched.first(partial(_takes_up, delivery_of(queued)))
            self.starts.append((begun.at - queued.at) * 1000)
        await self.system.settle()
        asked: list[float] = [entry["at"] for name in TRACKERS for entry in self.system.journal(name)]
        return (min(asked) - answered) * 1000

    async def _post(self, finding: str) -> float:
        """Send the delivery as SchoolScan would; returns when it was answered (Unix seconds)."""
        event = {"id": f"evt_{finding}", "type": "finding.critical", "data": {"finding_id": finding}}
        body, secret = json.dumps(event).encode(), ENVIRONMENT["SCHOOLSCAN_WEBHOOK_SECRET"]
        signed = sign(body, secret, SignatureFormat.TIMESTAMPED, time.time(), "")
        headers = [*signed, (b"content-type", b"application/json")]
        answer = await self.client.post(self.system.stage.receiver_address + PATH, content=body, headers=headers)
        answered = time.time()
        answer.raise_for_status()
        return answered

    async def drain(self, count: int) -> Drained:
        """How long our worker takes to read deliveries that came while it stood still, about cases that it knows."""
        connection, worker = Connection(self.system.redis), self.system.worker.pid
        inbox = Inbox(connection, Keyring.parse(self.system.stage.environment["DATA_KEYS"]))
        os.kill(worker, signal.SIGSTOP)
        try:
            for start in range(0, count, _TOGETHER):
                some = range(start, min(start + _TOGETHER, count))
                await asyncio.gather(*(self._accept(inbox, number) for number in some))
        finally:
            os.kill(worker, signal.SIGCONT)
        return await _drained(worker, count, self.system.redis, PENDING)

    async def _accept(self, inbox: Inbox, number: int) -> None:
        event = {"type": "finding.critical", "data": {"finding_id": self.known[number % len(self.known)]}}
        await inbox.accept(f"{time.time_ns()}-{number}", SCHOOLSCAN, DISTRICT, json.dumps(event).encode(), time.time())

    async def drain_plain(self, count: int) -> Drained:
        """How long arq's own worker takes for as many jobs that do next to nothing."""
        os.kill(self.plain.pid, signal.SIGSTOP)
        try:
            for number in range(count):
                await self.arq.enqueue_job("arrived", f"{time.time_ns()}-{number}")
        finally:
            os.kill(self.plain.pid, signal.SIGCONT)
        return await _drained(self.plain.pid, count, self.system.redis, _ARQ_QUEUE)

    async def start_plain(self) -> float:
        """Milliseconds from arq's own enqueueing to the first question of its job."""
        word = f"{time.time_ns()}"
        async with watch(self.system.redis) as watched:
            await self.arq.enqueue_job("arrived", word)
            queued = await watched.first(lambda each: each.is_for("ZADD", _ARQ_QUEUE))
            begun = await watched.first(lambda each: each.is_for("GET", ARRIVED + word))
        return (begun.at - queued.at) * 1000

    async def read_once(self) -> float:
        """Milliseconds that a request at the sandbox's SchoolScan takes by itself."""
        started = time.perf_counter()
        await self.client.get(f"{self.system.stage.outside['schoolscan']}/v1/findings/fnd_none")
        return (time.perf_counter() - started) * 1000


def delivery_of(queued: Command) -> str:
    """The delivery because of which this job was queued: its id is `read_delivery:<delivery>:<number>`."""
    return queued.words[-1].split(":")[1]


def _takes_up(delivery: str, command: Command) -> bool:
    """The script by which a worker takes this delivery up, with others: the first that Redis hears of its job."""
    is_script = command.words[0].upper() in {"EVAL", "EVALSHA"} and not command.in_script
    return is_script and delivery in command.words


@contextlib.asynccontextmanager
async def _open_bench() -> AsyncIterator[Bench]:
    async with open_system() as system, httpx2.AsyncClient(trust_env=False) as client:
        stage = system.stage
        module = ["bench.anchors", "worker", stage.redis_url]
        with running("plain-arq", module, stage.folder, stage.environment) as plain:
            yield Bench(system, plain, ArqRedis(system.redis.connection_pool), client)


def measure(effort: Effort) -> Report:
    """Interleaved rounds of single deliveries and single jobs, then of nothing at all."""
    return asyncio.run(_measure(effort))


async def _drained(pid: int, count: int, redis: Redis, waiting: str) -> Drained:
    """Watch a process work off what waits in a sorted set, until nothing does."""
    began, before = time.perf_counter(), cpu_seconds(pid)
    ended = await emptied(redis, waiting, _DRAIN_SECONDS, _PAUSE)
    return Drained(count / (ended - began), (cpu_seconds(pid) - before) / count * 1e6)


async def _measure(effort: Effort) -> Report:
    first, start, plain, read = Series(), Series(), Series(), Series()
    idle: dict[str, list[float]] = {"worker": [], "plain": []}
    drained: dict[str, list[Drained]] = {"worker": [], "plain": []}
    async with _open_bench() as bench:
        await Series().gather(2, bench.deliver)  # connections and accounts are looked up once
        await Series().gather(1, bench.start_plain)
        for _ in range(effort.rounds):
            bench.starts.clear()
            await first.gather(effort.samples, bench.deliver)
            start.rounds.append(list(bench.starts))
            await plain.gather(effort.samples, bench.start_plain, _ARQ_RHYTHM)
            await read.gather(effort.samples, bench.read_once)
            await _idle(bench, effort.idle_seconds, idle)
            drained["worker"].append(await bench.drain(effort.samples * _DRAINED_A_SAMPLE))
            await bench.system.settle()
            drained["plain"].append(await bench.drain_plain(effort.samples * _DRAINED_A_SAMPLE))
    series = {START: start, START_ANCHOR: plain, FIRST: first, READ_ANCHOR: read}
    return Report(
        topic="waking",
        lines=(*_lines(series, {name: median(shares) for name, shares in idle.items()}), *_drains(drained)),
        figures={
            "ms": {name: each.rounds for name, each in series.items()},
            "idle_percent": idle,
            "drained": {name: [[each.rate, each.us] for each in rounds] for name, rounds in drained.items()},
        },
        unit="ms, median",
        bars={name: each.middle(0.5) for name, each in series.items()},
    )


async def _idle(bench: Bench, seconds: float, idle: dict[str, list[float]]) -> None:
    """The share of a core (percent) that each worker takes while there is nothing to do."""
    await bench.system.keep_clear_of_polls(seconds + 1)
    pids = {"worker": bench.system.worker.pid, "plain": bench.plain.pid}
    before = {name: cpu_seconds(pid) for name, pid in pids.items()}
    await asyncio.sleep(seconds)
    for name, pid in pids.items():
        idle[name].append((cpu_seconds(pid) - before[name]) / seconds * 100)


def _lines(series: dict[str, Series], idle: dict[str, float]) -> tuple[Line, ...]:
    share = idle["worker"]
    return (
        _waits(START_ANCHOR, series[START_ANCHOR]),
        _waits(START, series[START], MOST_START_MS),
        _waits(READ_ANCHOR, series[READ_ANCHOR]),
        _waits(FIRST, series[FIRST], MOST_FIRST_MS),
        Line("B2", "anchor: idle worker, arq as it comes", f"{idle['plain']:.1f} % of a core"),
        Line("B2", "idle worker", f"{share:.1f} % of a core", f"< {MOST_IDLE_PERCENT} %", share < MOST_IDLE_PERCENT),
    )


def _drains(drained: dict[str, list[Drained]]) -> tuple[Line, ...]:
    rates = {name: [each.rate for each in rounds] for name, rounds in drained.items()}
    us = {name: median(each.us for each in rounds) for name, rounds in drained.items()}
    ours, by_anchor = median(rates["worker"]), median_ratio(rates["worker"], rates["plain"])
    plain = f"{median(rates['plain']):,.0f}/s, {us['plain']:.0f} µs CPU each"
    measured = f"{ours:,.0f}/s, {us['worker']:.0f} µs CPU each, {by_anchor:.1f} of the anchor"
    return (
        Line("B3", "anchor: jobs that do nothing, arq as it comes", plain),
        Line("B3", "deliveries of known cases read", measured, f"≥ {LEAST_READ:,}/s", ours >= LEAST_READ),
    )


def _waits(what: str, series: Series, most: tuple[float, float] | None = None) -> Line:
    p50, p99 = series.middle(0.5), series.middle(0.99)
    measured = f"{p50:.1f} / {p99:.1f} ms"
    if most is None:
        return Line("B2", f"{what}, p50 / p99", measured)
    met = p50 <= most[0] and p99 <= most[1]
    return Line("B2", f"{what}, p50 / p99", measured, f"≤ {most[0]:.0f} / {most[1]:.0f} ms", met)
