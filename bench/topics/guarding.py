"""P7: what the guards of the HTTP server cost, and whether a connection that is over a limit hurts anybody else."""

import contextlib
import json
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import uvloop

from bench.anchors import LISTENS
from bench.effort import Effort
from bench.processes import environment_for, memory_mb, running
from bench.report import Line, Report, median_interval, median_ratio, percentile
from bench.senders.batches import Batches
from bench.senders.deliveries import Deliveries
from bench.senders.load import Order, Outcome, put_load
from bench.senders.strangers import KINDS, SETTINGS
from remedy.embedded.server import EmbeddedServer
from sandbox.stage.processes import Program

PLAIN = "anchor: the ceiling on uvicorn's own protocol"
GUARDED = "the ceiling with guards"
COST = "cost"
WAYS = {"requests in one part": False, "head and body apart": True}
"""How deliveries are sent, and whether in two parts: some clients send the head first."""

MOST_COST = 0.03
MOST_P99_MS = 250.0
MOST_GROWTH_MB = 50.0
GOOD_RATE = 50.0

_BATCH = 100
_WARM_UP = 2_000
_CONNECTIONS = 8

_COMES_BACK_WITHIN = 2.5
"""Times as long as strangers came: when memory must have come back."""

_PAUSE = 0.02


@dataclass(frozen=True, slots=True)
class Beside:
    """Good deliveries beside strangers of one kind. Megabytes are the receiver's, as compared with before."""

    kind: str
    good: Outcome
    connections: int
    answers: Mapping[str, int]
    grown_mb: float
    left_mb: float


def measure(effort: Effort) -> Report:
    """The cost in alternating pairs; then each kind of stranger for a while, beside good deliveries."""
    with tempfile.TemporaryDirectory(prefix="remedy-bench-") as name, EmbeddedServer(Path(name) / "redis") as redis:
        environment = environment_for(Path(name), redis.url)
        costs = _costs(Path(name), environment, effort)
        with running("receiver", ("remedy", "run", "receiver"), Path(name), {**environment, **SETTINGS}) as receiver:
            put_load(Order(receiver.address("receiver_listens"), "warm", 202, 0.5))
            alone = _good(receiver, "alone", effort.beside_seconds)
            beside = [good_beside(kind, receiver, effort.beside_seconds) for kind in KINDS]
    return Report(
        topic="guarding",
        lines=(
            *_cost_lines(costs),
            Line("P7", "anchor: good deliveries with nobody beside", f"p99 {alone.p99:.0f} ms"),
            *map(_line, beside),
        ),
        figures={"cost": costs, "beside": {each.kind: _figures(each) for each in beside}},
        unit="ms, p99 of good deliveries beside each kind of stranger",
        bars={each.kind: each.good.p99 for each in beside},
    )


def _costs(folder: Path, environment: Mapping[str, str], effort: Effort) -> dict[str, dict[str, list[float]]]:
    """Of each way to send: what each pair of processes came to.

    Two processes of the same program differ by some percent, because of what lies where in their memory: so there are
    many pairs, and each counts once.
    """
    found: dict[str, dict[str, list[float]]] = {way: {PLAIN: [], GUARDED: [], COST: []} for way in WAYS}
    for _ in range(effort.pairs):
        with contextlib.ExitStack() as stack:
            servers = [
                stack.enter_context(running(which, ("bench.anchors", which), folder, environment))
                for which in ("ceiling", "guarded")
            ]
            for way, is_apart in WAYS.items():
                plain, guarded = uvloop.run(_pair(servers, effort.batches, is_apart=is_apart))
                found[way][PLAIN].append(median(plain))
                found[way][GUARDED].append(median(guarded))
                found[way][COST].append(median_ratio(guarded, plain) - 1)
    return found


async def _pair(servers: Sequence[Program], batches: int, *, is_apart: bool) -> tuple[list[float], list[float]]:
    """Of two servers, in batches that take turns: microseconds of processor time for a delivery."""
    contestants = [Batches(each.pid, each.address(LISTENS), 204, is_apart) for each in servers]
    costs: tuple[list[float], list[float]] = ([], [])
    deliveries = Deliveries(contestants[0].address, "pair")
    for each in contestants:
        await each.dial(_CONNECTIONS)
        await each.microseconds(deliveries, _WARM_UP if not is_apart else _BATCH)
    for number in range(batches):
        for which in (0, 1) if number % 2 else (1, 0):
            costs[which].append(await contestants[which].microseconds(deliveries, _BATCH))
    return costs


def _good(receiver: Program, run: str, seconds: float) -> Outcome:
    """Good deliveries. Raises LoadFailed if one of them is not answered 202."""
    address = receiver.address("receiver_listens")
    return put_load(Order(address, run, 202, seconds, connections=8, rate=GOOD_RATE))


def good_beside(kind: str, receiver: Program, seconds: float) -> Beside:
    """Good deliveries while strangers bother the receiver. Raises LoadFailed if one of them is not answered 202."""
    address = receiver.address("receiver_listens")
    before = memory_mb(receiver.pid)
    words = [sys.executable, "-m", "bench.senders.strangers", kind, address, str(seconds + 1)]
    with subprocess.Popen(words, stdout=subprocess.PIPE) as stranger, _watched(receiver.pid) as memory:  # noqa: S603 - our own interpreter
        time.sleep(0.5)
        good = _good(receiver, kind.replace(" ", "-"), seconds)
        told = json.loads(stranger.communicate()[0])
    grown = max(memory, default=before) - before
    left = _memory_that_comes_back(receiver.pid, before, _COMES_BACK_WITHIN * seconds) - before
    return Beside(kind, good, told["connections"], told["answers"], max(0.0, grown), max(0.0, left))


@contextlib.contextmanager
def _watched(pid: int) -> Iterator[list[float]]:
    """What a process holds, again and again, for as long as this is open."""
    seen: list[float] = []
    over = threading.Event()

    def watch() -> None:
        while not over.wait(_PAUSE):
            seen.append(memory_mb(pid))

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield seen
    finally:
        over.set()
        thread.join()


def _memory_that_comes_back(pid: int, before: float, within: float) -> float:
    """What a process holds once it holds no more than before, or after a while."""
    until = time.monotonic() + within
    while (now := memory_mb(pid)) > before and time.monotonic() < until:
        time.sleep(_PAUSE)
    return now


def _cost_lines(costs: Mapping[str, Mapping[str, list[float]]]) -> Iterator[Line]:
    for way, found in costs.items():
        for name in (PLAIN, GUARDED):
            yield Line("P7", f"{name}, {way}", f"{median(found[name]):.1f} µs CPU each")
        yield _cost_line(way, found[COST])


def _cost_line(way: str, found: Sequence[float]) -> Line:
    """Decided where the whole interval is on one side of the goal; otherwise the machine was too busy to tell."""
    low, high = median_interval(found)
    first, third = percentile(found, 0.25), percentile(found, 0.75)
    is_met = True if high <= MOST_COST else False if low > MOST_COST else None
    measured = f"{median(found):+.1%} (quartiles {first:+.1%}, {third:+.1%}; median in {low:+.1%} … {high:+.1%})"
    measured += "" if is_met is not None else ": undecided"
    return Line("P7", f"what guards cost, {way}", measured, f"≤ {MOST_COST:+.0%}", is_met)


def _line(beside: Beside) -> Line:
    answers = ", ".join(f"{count:,} of {status}" for status, count in sorted(beside.answers.items())) or "none"
    memory = f"+{beside.grown_mb:.0f} MB, then +{beside.left_mb:.0f}"
    is_met = beside.good.p99 <= MOST_P99_MS and beside.grown_mb <= MOST_GROWTH_MB
    return Line(
        "P7",
        f"good deliveries beside: {beside.kind} ({beside.connections:,} connections; answers: {answers})",
        f"p99 {beside.good.p99:.0f} ms; {memory}",
        f"≤ {MOST_P99_MS:.0f} ms, ≤ +{MOST_GROWTH_MB:.0f} MB",
        is_met,
    )


def _figures(beside: Beside) -> dict[str, Any]:
    return {
        "p50_ms": beside.good.p50,
        "p99_ms": beside.good.p99,
        "rate": beside.good.rate,
        "connections": beside.connections,
        "grown_mb": beside.grown_mb,
        "left_mb": beside.left_mb,
    }
