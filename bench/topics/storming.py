"""B3: a storm of deliveries about cases that one worker knows: how long until all are read and all cases at rest."""

import asyncio
import json
import os
import signal
import time
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from bench.effort import Effort
from bench.processes import cpu_seconds, memory_mb
from bench.report import Line, Report
from bench.senders.deliveries import BODY_BYTES
from bench.system import System, open_system
from bench.watching import emptied
from remediation.deliveries.events import SCHOOLSCAN
from remediation.sealing import Keyring
from remediation.store.deliveries.inbox import Inbox
from remediation.store.keys import DIRTY, PENDING
from remediation.store.server.connection import Connection
from sandbox.secrets import DISTRICT

GOAL_STORM = 100_000
MOST_SECONDS = 90.0
CASES = 100
_FEW_CASES = 10
_TOGETHER = 64
_DRAINED_WITHIN = 900.0
_PAUSE = 0.05
_FILLING = "sample " * ((BODY_BYTES - 200) // 7)


@dataclass(frozen=True, slots=True)
class Storm:
    """What one storm took. Seconds from its beginning; microseconds of processor time and looks for all of it."""

    deliveries: int
    read_seconds: float
    rest_seconds: float
    us_each: float
    looks: int
    memory_mb: tuple[float, float]


def measure(effort: Effort) -> Report:
    """Cases are opened first; then the worker stands still until all deliveries about them are stored."""
    return asyncio.run(_measure(effort))


async def _measure(effort: Effort) -> Report:
    async with open_system() as system:
        known = [system.add_finding() for _ in range(CASES if effort.storm > CASES * 10 else _FEW_CASES)]
        await _accept(system, known, len(known))
        await system.settle()
        storms = [
            await _storm(system, known, effort.storm) for _ in range(1 if effort.storm >= GOAL_STORM else effort.rounds)
        ]
    return Report(
        topic="storming",
        lines=_lines(storms, len(known)),
        figures={
            "read_seconds": [each.read_seconds for each in storms],
            "rest_seconds": [each.rest_seconds for each in storms],
            "us_each": [each.us_each for each in storms],
            "looks": [each.looks for each in storms],
            "memory_mb": [each.memory_mb for each in storms],
        },
        unit="seconds, median",
        bars={
            "all deliveries read": median(each.read_seconds for each in storms),
            "all cases at rest": median(each.rest_seconds for each in storms),
        },
    )


async def _accept(system: System, known: Sequence[str], count: int) -> None:
    """Store so many deliveries about these findings, as a receiver does."""
    inbox = Inbox(Connection(system.redis), Keyring.parse(system.stage.environment["DATA_KEYS"]))

    async def one(number: int) -> None:
        data = {"finding_id": known[number % len(known)], "evidence": _FILLING}
        body = json.dumps({"type": "finding.critical", "data": data}).encode()
        await inbox.accept(f"{time.time_ns()}-{number}", SCHOOLSCAN, DISTRICT, body, time.time())

    for start in range(0, count, _TOGETHER):
        await asyncio.gather(*(one(number) for number in range(start, min(start + _TOGETHER, count))))


async def _storm(system: System, known: Sequence[str], count: int) -> Storm:
    worker = system.worker.pid
    os.kill(worker, signal.SIGSTOP)
    try:
        await _accept(system, known, count)
        system.forget_requests()
    finally:
        os.kill(worker, signal.SIGCONT)
    began, spent, memory = time.perf_counter(), cpu_seconds(worker), memory_mb(worker)
    read = await emptied(system.redis, PENDING, _DRAINED_WITHIN, _PAUSE) - began
    rest = await emptied(system.redis, DIRTY, _DRAINED_WITHIN, _PAUSE) - began
    spent = (cpu_seconds(worker) - spent) / count * 1e6
    looks = len(system.journal("schoolscan"))
    return Storm(count, read, rest, spent, looks, (memory, memory_mb(worker)))


def _lines(storms: Sequence[Storm], cases: int) -> tuple[Line, ...]:
    count, rest = storms[0].deliveries, median(each.rest_seconds for each in storms)
    read, us = median(each.read_seconds for each in storms), median(each.us_each for each in storms)
    met = rest <= MOST_SECONDS if count >= GOAL_STORM else None
    wanted = f"≤ {MOST_SECONDS:.0f} s for {GOAL_STORM:,}"
    before, after = storms[0].memory_mb[0], storms[-1].memory_mb[1]
    return (
        Line(
            "B3", f"a storm of {count:,} deliveries about {cases} cases, read", f"{read:.1f} s, {count / read:,.0f}/s"
        ),
        Line("B3", "the same, all cases at rest", f"{rest:.1f} s, {us:.0f} µs CPU each", wanted, met),
        Line("B3", "looks at the cases meanwhile", f"{median(each.looks for each in storms):,.0f}"),
        Line("B3", "memory of the worker over the storm", f"{before:.1f} → {after:.1f} MB"),
    )
