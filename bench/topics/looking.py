"""B5: what a look costs at a case that needs nothing, counted by the systems that are asked."""

import asyncio
import time
from collections.abc import Callable, Mapping
from statistics import median

from arq.connections import ArqRedis

from bench.effort import Effort
from bench.report import Line, Report
from bench.system import TRACKERS, System, open_system
from bench.watching import Command, watch
from remediation.domain.cases.records import CaseKey, CaseKind
from remediation.queue import WORK_QUEUE, Job, decode, encode
from sandbox.secrets import DISTRICT

_READING = frozenset({"GET", "HEAD", "OPTIONS"})
_CLEAR_SECONDS = 5.0
"""How long one look and its counting take at the most, on a machine that is not too busy."""

_BEGIN_SECONDS = 30.0

Counts = dict[str, int]


def measure(effort: Effort) -> Report:
    """Rounds of one look each, at a case that has just come to rest; then a wake-up that has nothing to wake for."""
    return asyncio.run(_measure(effort))


async def _measure(effort: Effort) -> Report:
    looks: list[Counts] = []
    stale: list[int] = []
    async with open_system() as system:
        finding = system.add_finding()
        system.outside.send("finding.critical", {"finding_id": finding})
        await _settle_once_begun(system, lambda: bool(system.outside.notes(finding)))
        for number in range(effort.rounds):
            looks.append(await _look(system, finding, number))
            stale.append(await _stale_wake_up(system, finding, number))
    counts = {name: int(median(each[name] for each in looks)) for name in looks[0]}
    return Report(
        topic="looking",
        lines=_lines(counts, int(median(stale))),
        figures={"looks": looks, "stale": stale},
        unit="requests of one look that finds nothing to do",
        bars={name.replace("_", " "): float(count) for name, count in counts.items()},
    )


async def _look(system: System, finding: str, number: int) -> Counts:
    """Have the case looked at once, and count what the outside was asked."""
    await system.keep_clear_of_polls(_CLEAR_SECONDS)
    system.forget_requests()
    system.outside.send("finding.expert_reviewed", {"finding_id": finding}, f"evt_bench_{number}")
    await _settle_once_begun(system, lambda: bool(system.journal("schoolscan")))
    methods = {name: [each["method"] for each in system.journal(name)] for name in system.stage.outside}
    return counted(methods)


async def _settle_once_begun(system: System, begun: Callable[[], bool]) -> None:
    """Wait for the first sign of work, then for its end. Raises TimeoutError."""
    async with asyncio.timeout(_BEGIN_SECONDS):
        while not begun():  # noqa: ASYNC110 - it happens in another process
            await asyncio.sleep(0.01)
    await system.settle()


def counted(methods: Mapping[str, list[str]]) -> Counts:
    """Reads of the finding, reads at each tracker, and writes anywhere, from the methods of the requests."""
    reads = {name: sum(each in _READING for each in asked) for name, asked in methods.items()}
    writes = sum(len(asked) for asked in methods.values()) - sum(reads.values())
    return {**{f"{name}_reads": count for name, count in reads.items()}, "writes": writes}


async def _stale_wake_up(system: System, finding: str, number: int) -> int:
    """Wake a worker for a case that is clean; returns how often it asked Redis about the case."""
    ref = CaseKey(DISTRICT, CaseKind.FINDING, finding).ref
    arq = ArqRedis(system.redis.connection_pool, job_serializer=encode, job_deserializer=decode)
    job = f"bench:{number}:{time.time_ns()}"
    async with watch(system.redis) as watched:
        await arq.enqueue_job(Job.LOOK_AT_CASE, ref, _job_id=job, _queue_name=WORK_QUEUE)
        await watched.first(lambda each: each.is_for("ZREM", WORK_QUEUE) and job in each.words)
        return sum(_is_about(each, ref) for each in watched.commands)


def _is_about(command: Command, ref: str) -> bool:
    """A round trip that names the case; arq's own for the job name the job instead."""
    return not command.in_script and any(word.endswith(ref) for word in command.words)


def _lines(counts: Counts, stale: int) -> tuple[Line, ...]:
    reads = {name: counts[f"{name}_reads"] for name in TRACKERS}
    of_finding, writes = counts["schoolscan_reads"], counts["writes"]
    each = ", ".join(f"{name} {count}" for name, count in reads.items())
    return (
        Line("B5", "a look that finds nothing to do: reads of the finding", f"{of_finding}", "1", of_finding == 1),
        Line("B5", "reads per ticket", each, "1 each", set(reads.values()) == {1}),
        Line("B5", "writes", f"{writes}", "0", writes == 0),
        Line("B5", "a wake-up for a clean case: round trips to Redis", f"{stale}", "1", stale == 1),
    )
