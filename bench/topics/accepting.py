"""B1: how fast the receiver takes deliveries, held to a receiver that stores nothing and to arq's own enqueueing."""

import contextlib
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from redis import Redis

from bench.anchors import LISTENS
from bench.effort import Effort
from bench.processes import cpu_seconds, environment_for, memory_mb, running
from bench.report import Line, Report, median_ratio
from bench.senders.deliveries import BODY_BYTES
from bench.senders.load import Order, Outcome, put_load
from remedy.embedded.server import EmbeddedServer
from sandbox.stage.processes import Program

RECEIVER = "the receiver"
CEILING = "ceiling: Starlette + HMAC, stores nothing"
ENQUEUE = "anchor: Starlette + HMAC + arq.enqueue_job"

LEAST_OF_CEILING = 0.35
LEAST_OF_ENQUEUE = 2.0
MOST_CPU_OF_CEILING = 3.0
MOST_P99_MS_FULL = 15.0
MOST_P99_MS = 10.0
MOST_GROWTH = 0.05
"""What "memory is flat" means: at the end at most this share more than after the first deliveries."""

GOAL_DELIVERIES = 1_000_000

_LONGEST_CHUNK_SECONDS = 60.0
_CHUNK = 20_000


@dataclass(slots=True)
class Server:
    """One server under load, with what each round said of it. CPU is in microseconds for each delivery."""

    name: str
    status: int
    program: Program
    address: str
    redis: Redis
    loads: int = 0
    rates: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    full: list[Outcome] = field(default_factory=list)

    def load(self, seconds: float, rate: float | None = None, count: int | None = None) -> Outcome:
        """One round of load, on an empty store."""
        self.redis.flushall()
        self.loads += 1
        run = f"{self.program.pid}-{self.loads}"
        return put_load(Order(self.address, run, self.status, seconds, rate=rate, count=count))

    def round(self, seconds: float) -> None:
        """One round at full load, remembered."""
        before = cpu_seconds(self.program.pid)
        outcome = self.load(seconds)
        self.cpu.append((cpu_seconds(self.program.pid) - before) / outcome.count * 1e6)
        self.rates.append(outcome.rate)
        self.full.append(outcome)


@contextlib.contextmanager
def open_servers() -> Iterator[dict[str, Server]]:
    """The three servers on one store with fsync always, warm."""
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="remedy-bench-")))
        url = stack.enter_context(EmbeddedServer(folder / "redis")).url
        redis = stack.enter_context(Redis.from_url(url))
        environment = environment_for(folder, url)

        def start(name: str, status: int, event: str, *module: str) -> Server:
            program = stack.enter_context(running(module[-1].rpartition("/")[2], module, folder, environment))
            return Server(name, status, program, program.address(event), redis)

        servers = [
            start(CEILING, 204, LISTENS, "bench.anchors", "ceiling"),
            start(ENQUEUE, 204, LISTENS, "bench.anchors", "enqueue", url),
            start(RECEIVER, 202, "receiver_listens", "remedy", "run", "receiver"),
        ]
        for each in servers:
            each.load(0.5)
        yield {each.name: each for each in servers}


def measure(effort: Effort) -> Report:
    """Full load in interleaved rounds, then half load on the receiver alone, then its memory."""
    with open_servers() as servers:
        receiver = servers[RECEIVER]
        memory = [memory_mb(receiver.program.pid)]
        for _ in range(effort.rounds):
            for each in servers.values():
                each.round(effort.seconds)
            memory.append(memory_mb(receiver.program.pid))
        half = [receiver.load(effort.seconds, rate=median(receiver.rates) / 2) for _ in range(effort.rounds)]
        memory.append(memory_mb(receiver.program.pid))
        count = sum(each.count for each in [*receiver.full, *half])
        if effort.deliveries is not None:
            memory, count = _memory_over(receiver, effort.deliveries)
    return Report(
        topic="accepting",
        lines=(*_rate_lines(servers), *_latency_lines(half), _memory_line(memory, count)),
        figures=_figures(servers, half, memory),
        unit="deliveries/s at full load",
        bars={name: median(each.rates) for name, each in servers.items()},
    )


def _memory_over(receiver: Server, deliveries: int) -> tuple[list[float], int]:
    """The receiver's memory before and after each chunk of deliveries; the store is emptied between chunks."""
    memory, sent = [memory_mb(receiver.program.pid)], 0
    while sent < deliveries:
        sent += receiver.load(_LONGEST_CHUNK_SECONDS, count=_CHUNK).count
        memory.append(memory_mb(receiver.program.pid))
    return memory, sent


def _rate_lines(servers: dict[str, Server]) -> Iterator[Line]:
    def of(name: str, value: Callable[[Server], list[float]]) -> float:
        return median(value(servers[name]))

    yield Line("B1", CEILING, f"{of(CEILING, _rates):,.0f}/s, {of(CEILING, _cpu):.0f} µs CPU each")
    yield Line("B1", ENQUEUE, f"{of(ENQUEUE, _rates):,.0f}/s, {of(ENQUEUE, _cpu):.0f} µs CPU each")
    rate, body = of(RECEIVER, _rates), f"{BODY_BYTES / 1000} KB sealed, fsync always"
    yield Line("B1", f"{RECEIVER} ({body})", f"{rate:,.0f}/s, {of(RECEIVER, _cpu):.0f} µs CPU each")
    for anchor, least, words in ((CEILING, LEAST_OF_CEILING, "the ceiling"), (ENQUEUE, LEAST_OF_ENQUEUE, "the anchor")):
        ratio = median_ratio(servers[RECEIVER].rates, servers[anchor].rates)
        yield Line("B1", f"{RECEIVER} / {words}", f"{ratio:.2f}", f"≥ {least:.2f}", ratio >= least)
    cpu, most = median_ratio(servers[RECEIVER].cpu, servers[CEILING].cpu), MOST_CPU_OF_CEILING
    yield Line("B1", f"{RECEIVER}'s processor time / the ceiling's", f"{cpu:.1f}", f"≤ {most:.0f}", cpu <= most)
    yield _p99_line("answer at full load (64 connections), p99", servers[RECEIVER].full, MOST_P99_MS_FULL)


def _rates(server: Server) -> list[float]:
    return server.rates


def _cpu(server: Server) -> list[float]:
    return server.cpu


def _latency_lines(half: list[Outcome]) -> Iterator[Line]:
    p50, rate = median(each.p50 for each in half), median(each.rate for each in half)
    yield Line("B1", f"answer at half load ({rate:,.0f}/s), p50", f"{p50:.1f} ms")
    yield _p99_line("answer at half load, p99", half, MOST_P99_MS)


def _p99_line(what: str, outcomes: list[Outcome], most: float) -> Line:
    p99 = median(each.p99 for each in outcomes)
    return Line("B1", what, f"{p99:.1f} ms", f"≤ {most:.0f} ms", p99 <= most)


def _memory_line(memory: list[float], count: int) -> Line:
    """Growth fails the goal after any number of deliveries; its absence meets it only after the goal's own number."""
    first, last = memory[1], memory[-1]
    grown = last > first * (1 + MOST_GROWTH)
    met = False if grown else (True if count >= GOAL_DELIVERIES else None)
    what = f"memory of {RECEIVER} over {count:,} deliveries"
    wanted = f"≤ +{MOST_GROWTH:.0%} over {GOAL_DELIVERIES:,}"
    return Line("B1", what, f"{first:.1f} → {last:.1f} MB", wanted, met)


def _figures(servers: dict[str, Server], half: list[Outcome], memory: list[float]) -> dict[str, object]:
    full = {
        name: {
            "rates": each.rates,
            "cpu_us": each.cpu,
            "p50_ms": [outcome.p50 for outcome in each.full],
            "p99_ms": [outcome.p99 for outcome in each.full],
        }
        for name, each in servers.items()
    }
    latency = {"rates": [each.rate for each in half], "p50_ms": [each.p50 for each in half]}
    return {"full": full, "half": latency | {"p99_ms": [each.p99 for each in half]}, "memory_mb": memory}
