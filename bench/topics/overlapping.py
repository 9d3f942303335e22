"""B3: how many jobs that only wait one worker does at once, held to what so many places could do, and to arq's own."""

import asyncio
import contextlib
import os
import signal
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from arq.connections import ArqRedis
from redis.asyncio import ConnectionPool

from bench.effort import Effort
from bench.processes import cpu_seconds, environment_for, running
from bench.report import Line, Report
from bench.sleepers import AT_ONCE, JOB_SECONDS, PLAIN_JOB
from bench.watching import emptied
from remediation.queue import JOB_LIFETIME, WORK_QUEUE, Job, decode, encode
from remediation.store.server.connection import Connection
from remediation.store.work_queue import WorkQueue
from remedy.embedded.server import EmbeddedServer
from sandbox.stage.processes import Program

POSSIBLE = AT_ONCE / JOB_SECONDS
LEAST_SHARE = 0.9

_PLAIN_QUEUE = "arq:queue"
_DONE_WITHIN = 120.0
_PAUSE = 0.002
_STARTS_SECONDS = 120.0
"""A process compiles all modules anew, which takes long where the processor is busy."""
_ENQUEUED_TOGETHER = 100


@dataclass(slots=True)
class Sleepers:
    """One worker, its queue, and how to put a job there. Rates in jobs a second, processor time in µs for each."""

    program: Program
    queue: str
    redis: ArqRedis
    enqueue: Callable[[str], Awaitable[object]]
    ring: Callable[[], Awaitable[object]]
    rates: list[float] = field(default_factory=list)
    us: list[float] = field(default_factory=list)

    async def round(self, count: int) -> None:
        """So many jobs, which are there before the worker may take the first."""
        pid = self.program.pid
        os.kill(pid, signal.SIGSTOP)
        try:
            for start in range(0, count, _ENQUEUED_TOGETHER):
                names = [
                    f"{time.time_ns()}-{number}" for number in range(start, min(start + _ENQUEUED_TOGETHER, count))
                ]
                await asyncio.gather(*map(self.enqueue, names))
            await self.ring()
        finally:
            os.kill(pid, signal.SIGCONT)
        began, spent = time.perf_counter(), cpu_seconds(pid)
        ended = await emptied(self.redis, self.queue, _DONE_WITHIN, _PAUSE)
        self.rates.append(count / (ended - began))
        self.us.append((cpu_seconds(pid) - spent) / count * 1e6)


@contextlib.asynccontextmanager
async def _open_sleepers() -> AsyncIterator[dict[str, Sleepers]]:
    with tempfile.TemporaryDirectory(prefix="remedy-bench-") as name, EmbeddedServer(Path(name) / "redis") as redis:
        environment = environment_for(Path(name), redis.url)
        ours = ArqRedis(
            ConnectionPool.from_url(redis.url),
            job_serializer=encode,
            job_deserializer=decode,
            default_queue_name=WORK_QUEUE,
            expires_extra_ms=int(JOB_LIFETIME.total_seconds() * 1000),
        )
        plain = ArqRedis(ConnectionPool.from_url(redis.url))
        ring = WorkQueue(Connection(ours)).ring
        with (
            running("sleepers", ("bench.sleepers", "ours", redis.url), Path(name), environment) as one,
            running("plain-sleepers", ("bench.sleepers", "plain", redis.url), Path(name), environment) as other,
        ):
            yield {
                "ours": Sleepers(one, WORK_QUEUE, ours, lambda name: ours.enqueue_job(Job.LOOK_AT_CASE, name), ring),
                "plain": Sleepers(
                    other, _PLAIN_QUEUE, plain, lambda name: plain.enqueue_job(PLAIN_JOB, name), _nothing
                ),
            }


async def _nothing() -> None:
    """Arq's own worker is not called: it asks."""


def measure(effort: Effort) -> Report:
    """Rounds of jobs for both workers in turn; a first round warms up."""
    return asyncio.run(_measure(effort))


async def _measure(effort: Effort) -> Report:
    async with _open_sleepers() as workers:
        for each in workers.values():
            await each.enqueue("first")
            # a process that is stopped while it starts would start within the round
            await emptied(each.redis, each.queue, _STARTS_SECONDS, _PAUSE)
        for each in workers.values():
            await each.round(AT_ONCE)
            each.rates.clear()
            each.us.clear()
        for _ in range(effort.rounds):
            for each in workers.values():
                await each.round(effort.short_jobs)
        rates = {name: each.rates for name, each in workers.items()}
        us = {name: each.us for name, each in workers.items()}
    return Report(
        topic="overlapping",
        lines=_lines(rates, us),
        figures={"rates": rates, "us": us, "jobs": effort.short_jobs},
        unit=f"jobs of {JOB_SECONDS * 1000:.0f} ms a second, {AT_ONCE} at once",
        bars={"possible": POSSIBLE, "ours": median(rates["ours"]), "arq as it comes": median(rates["plain"])},
    )


def _lines(rates: dict[str, list[float]], us: dict[str, list[float]]) -> tuple[Line, ...]:
    plain, rate = median(rates["plain"]), median(rates["ours"])
    jobs, share = f"{AT_ONCE} jobs of {JOB_SECONDS * 1000:.0f} ms at once", rate / POSSIBLE
    measured = f"{rate:,.0f}/s, {share:.2f} of the possible, {median(us['ours']):.0f} µs CPU each"
    return (
        Line("B3", f"anchor: {jobs}, arq as it comes", f"{plain:,.0f}/s, {median(us['plain']):.0f} µs CPU each"),
        Line("B3", f"{jobs}, one worker", measured, f"≥ {LEAST_SHARE:.2f} of {POSSIBLE:,.0f}/s", share >= LEAST_SHARE),
    )
