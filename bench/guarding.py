"""P7: what the guards of the HTTP server cost, and whether a connection that is over a limit hurts anybody else."""

import contextlib
import json
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import uvloop

from bench.anchors import LISTENS
from bench.effort import Effort
from bench.load import Order, Outcome, carry_out, put_load
from bench.processes import cpu_nanoseconds, environment_for, memory_mb, running
from bench.report import Line, Report, median_ratio
from bench.strangers import KINDS, SETTINGS
from cli.demo.stage import Program
from cli.embedded import EmbeddedServer

PLAIN = "anchor: the ceiling on uvicorn's own protocol"
GUARDED = "the ceiling with guards"

MOST_COST = 0.03
MOST_P99_MS = 250.0
MOST_GROWTH_MB = 50.0
GOOD_RATE = 50.0

_PAIRS = 8
"""Pairs for each sample of the effort."""

_BATCH = 400
_CONNECTIONS = 8
_LONGEST_BATCH = 30.0

_COMES_BACK_WITHIN = 5.0
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
        with running("receiver", ("cli", "run", "receiver"), Path(name), {**environment, **SETTINGS}) as receiver:
            put_load(Order(receiver.address("receiver_listens"), "warm", 202, 0.5))
            alone = _good(receiver, "alone", max(2.0, effort.seconds))
            beside = [good_beside(kind, receiver, max(2.0, effort.seconds)) for kind in KINDS]
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


def _costs(folder: Path, environment: Mapping[str, str], effort: Effort) -> dict[str, list[float]]:
    """Of each server, in each pair: microseconds of processor time for a delivery.

    Two servers that differ by a few percent must be held together often and shortly, or what else the machine does
    hides it.
    """
    found: dict[str, list[float]] = {PLAIN: [], GUARDED: []}
    with contextlib.ExitStack() as stack:
        servers = {}
        for name, which in ((PLAIN, "ceiling"), (GUARDED, "guarded")):
            program = stack.enter_context(running(which, ("bench.anchors", which), folder, environment))
            servers[name] = program, program.address(LISTENS)
            put_load(Order(servers[name][1], "warm", 204, 0.5))
        for number in range(effort.samples * _PAIRS):
            for name in (PLAIN, GUARDED) if number % 2 else (GUARDED, PLAIN):
                program, address = servers[name]
                order = Order(address, f"{number}", 204, _LONGEST_BATCH, connections=_CONNECTIONS, count=_BATCH)
                before = cpu_nanoseconds(program.pid)
                outcome = uvloop.run(carry_out(order))
                found[name].append((cpu_nanoseconds(program.pid) - before) / outcome.count / 1e3)
    return found


def _good(receiver: Program, run: str, seconds: float) -> Outcome:
    """Good deliveries. Raises LoadFailed if one of them is not answered 202."""
    address = receiver.address("receiver_listens")
    return put_load(Order(address, run, 202, seconds, connections=8, rate=GOOD_RATE))


def good_beside(kind: str, receiver: Program, seconds: float) -> Beside:
    """Good deliveries while strangers bother the receiver. Raises LoadFailed if one of them is not answered 202."""
    address = receiver.address("receiver_listens")
    before = memory_mb(receiver.pid)
    words = [sys.executable, "-m", "bench.strangers", kind, address, str(seconds + 1)]
    with subprocess.Popen(words, stdout=subprocess.PIPE) as stranger, _watched(receiver.pid) as memory:  # noqa: S603 - our own interpreter
        time.sleep(0.5)
        good = _good(receiver, kind.replace(" ", "-"), seconds)
        told = json.loads(stranger.communicate()[0])
    grown = max(memory, default=before) - before
    left = _memory_that_comes_back(receiver.pid, before) - before
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


def _memory_that_comes_back(pid: int, before: float) -> float:
    """What a process holds once it holds no more than before, or after a while."""
    until = time.monotonic() + _COMES_BACK_WITHIN
    while (now := memory_mb(pid)) > before and time.monotonic() < until:
        time.sleep(_PAUSE)
    return now


def _cost_lines(costs: Mapping[str, list[float]]) -> Iterator[Line]:
    for name, found in costs.items():
        yield Line("P7", name, f"{median(found):.1f} µs CPU each")
    cost = median_ratio(costs[GUARDED], costs[PLAIN]) - 1
    yield Line("P7", "what guards cost", f"{cost:+.1%}", f"≤ {MOST_COST:+.0%}", cost <= MOST_COST)


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
