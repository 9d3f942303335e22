"""B7, and what sizes are worked out from: what Redis keeps for each thing, and how many cases one worker settles."""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field, replace
from statistics import mean, median

import httpx2
from redis.asyncio import Redis

from bench.effort import Effort
from bench.report import Line, Report, median_ratio
from bench.senders.deliveries import BODY_BYTES
from bench.senders.load import Order, put_load
from bench.system import System, open_system
from bench.weighing import SHARED, CaseWeight, mean_size, share_of, size_of, until, weigh_cases
from remediation.domain.cases.records import CaseKey, CaseKind
from remediation.domain.status import Status
from remediation.queue import JOB_PREFIX, WORK_QUEUE, Job
from remediation.store.cases.timeline import Timeline
from remediation.store.cases.todo import Todo
from remediation.store.keys import (
    CASE,
    INBOX,
    PARKED,
    PARKED_ROW,
    PENDING,
    PENDING_SINCE,
    SCANS,
    TOLD,
    UNREAD,
)
from remediation.store.server.connection import Connection
from sandbox.secrets import DISTRICT

MOST_BYTES = 1_024

LONG_TIMELINES = (10, 100, 500)

NEW = "new cases, two tickets each"
LOOKS = "looks at cases that need nothing"
ANCHOR = "anchor: bare requests to the sandbox, 32 at once"
REQUESTS_OF_A_LOOK = 3

_CASES_A_SAMPLE = 10
_AT_ONCE = 32
_SETTLE_SECONDS = 120.0
_CRITICAL = {"severity": "critical", "domain_type": "direct_pii"}


@dataclass(slots=True)
class Rates:
    """What was done in a second, by round."""

    new: list[float] = field(default_factory=list)
    looks: list[float] = field(default_factory=list)
    anchor: list[float] = field(default_factory=list)


def measure(effort: Effort) -> Report:
    """Rounds of new cases, looks and bare requests in turn; then every kind of thing is weighed in Redis."""
    return asyncio.run(_measure(effort))


async def _measure(effort: Effort) -> Report:
    rates, count, ids = Rates(), effort.samples * _CASES_A_SAMPLE, list[str]()
    async with open_system() as system, httpx2.AsyncClient(trust_env=False) as client:
        for _ in range(effort.rounds):
            ids = await _settle_new(system, count, rates)
            await _look_again(system, ids, rates)
            rates.anchor.append(await _bare(system, client, count))
        refs = [_ref(each) for each in ids]
        opened = await weigh_cases(system.redis, refs)
        await _resolve(system, ids)
        resolved = await weigh_cases(system.redis, refs)
        shares = {name: await share_of(system.redis, prefix, effort.rounds * count) for name, prefix in SHARED.items()}
        weighed = shares | _named("opened", opened) | _named("resolved", resolved) | await _weigh(system, count)
    return Report(
        topic="sizing",
        lines=(*_rate_lines(rates), *_weight_lines(weighed)),
        figures={"per_second": {"new": rates.new, "looks": rates.looks, "anchor": rates.anchor}, "bytes": weighed},
        unit="bytes of Redis",
        bars=weighed,
    )


async def _settle_new(system: System, count: int, rates: Rates) -> list[str]:
    """Let so many be found by a scan, and wait until each has its tickets. Returns their ids."""
    started = time.perf_counter()
    ids = system.outside.scan([_CRITICAL] * count)
    await until(lambda: _is_listed(system.redis, ids[-1]))
    await system.settle()
    rates.new.append(count / (time.perf_counter() - started))
    return ids


async def _look_again(system: System, ids: Sequence[str], rates: Rates) -> None:
    """Have each of them looked at once more."""
    keys = [CaseKey(DISTRICT, CaseKind.FINDING, each) for each in ids]
    started = time.perf_counter()
    await Todo(Connection(system.redis)).mark([(key, None) for key in keys], time.time())
    await system.settle()
    rates.looks.append(len(ids) / (time.perf_counter() - started))


async def _bare(system: System, client: httpx2.AsyncClient, count: int) -> float:
    """Requests a second that the sandbox answers to somebody who does nothing else."""
    address, left = f"{system.stage.outside['schoolscan']}/v1/findings/fnd_none", iter(range(count))

    async def ask() -> None:
        for _ in left:
            await client.get(address)

    started = time.perf_counter()
    await asyncio.gather(*(ask() for _ in range(_AT_ONCE)))
    return count / (time.perf_counter() - started)


async def _resolve(system: System, ids: Sequence[str]) -> None:
    """Let a person resolve the tickets of these findings, and wait until each case is at rest again."""
    outside, marks = system.outside, {CaseKey(DISTRICT, CaseKind.FINDING, each).mark for each in ids}
    for mark, ticket in outside.all_tickets():
        if mark in marks:
            outside.resolve_as_priya(ticket)

    async def are_resolved() -> bool:
        statuses = {each["id"]: each["status"] for each in outside.findings()}
        return all(statuses[each] == Status.RESOLVED for each in ids)

    await until(are_resolved)
    await system.settle()


def _named(life: str, weight: CaseWeight) -> dict[str, float]:
    timeline = f"{life}: its timeline, {weight.entries:.0f} entries"
    return {f"{life}: a case's row, two tickets": weight.row, timeline: weight.timeline}


async def _weigh(system: System, count: int) -> dict[str, float]:
    """Bytes of each other kind of thing, by what it is."""
    redis = system.redis
    weighed = {"a delivery that was read": await mean_size(redis, INBOX)}
    for length in LONG_TIMELINES:
        weighed[f"a timeline of {length} entries"] = await _long_timeline(redis, length)
    weighed["a parked case, besides its row"] = await _parked(system, count)
    weighed[f"a delivery that waits ({BODY_BYTES / 1000} KB)"] = await _unread(system, count)
    return weighed


async def _parked(system: System, count: int) -> float:
    for number in range(count):
        system.outside.send("finding.critical", {"finding_id": f"fnd_none_{number}"})
    await until(lambda: _are_parked(system.redis, count))
    return await mean_size(system.redis, PARKED_ROW) + await size_of(system.redis, PARKED) / count


async def _unread(system: System, count: int) -> float:
    """Its row, its places in the lists, and its share of the job that is for all of them."""
    system.worker.stop()
    put_load(Order(system.stage.receiver_address, f"sizing-{time.time_ns()}", 202, _SETTLE_SECONDS, count=count))
    redis = system.redis
    waiting = await redis.zrange(PENDING, 0, -1)
    rows = [await size_of(redis, INBOX.encode() + each) for each in waiting]
    job = await mean_size(redis, f"{JOB_PREFIX}{Job.READ_DELIVERY}:")
    lists = sum([await size_of(redis, each) for each in (PENDING, PENDING_SINCE, UNREAD, WORK_QUEUE)])
    return mean(rows) + (job + lists) / len(waiting)


async def _long_timeline(redis: Redis, length: int) -> float:
    """Bytes of a timeline that says again and again what a real one says, each time some minutes later."""
    timeline, ref = Timeline(Connection(redis)), f"bench:{length}"
    told = await timeline.read(await anext(_refs(redis)))
    for number in range(0, length, len(told)):
        later = [replace(each, at=each.at + 977.313 * number) for each in told[: length - number]]
        await timeline.tell(ref, later)
    size = await size_of(redis, TOLD + ref)
    await redis.delete(TOLD + ref)
    return size


async def _refs(redis: Redis) -> AsyncIterator[str]:
    """The cases that have a timeline."""
    async for key in redis.scan_iter(TOLD + "*", count=1_000):
        yield key.decode().removeprefix(TOLD)


async def _is_listed(redis: Redis, finding: str) -> bool:
    """Whether the scan has been listed up to its last finding."""
    return bool(await redis.exists(CASE + _ref(finding))) and not await redis.zcard(SCANS)


async def _are_parked(redis: Redis, count: int) -> bool:
    return int(await redis.zcard(PARKED)) >= count


def _ref(finding: str) -> str:
    return CaseKey(DISTRICT, CaseKind.FINDING, finding).ref


def _rate_lines(rates: Rates) -> tuple[Line, ...]:
    share = median_ratio([each * REQUESTS_OF_A_LOOK for each in rates.looks], rates.anchor)
    new = median_ratio(rates.new, rates.anchor)
    return (
        Line("B7", ANCHOR, f"{median(rates.anchor):,.0f}/s"),
        Line("B7", f"one worker: {NEW}", f"{median(rates.new):,.0f}/s, one for {1 / new:.0f} of the anchor's requests"),
        Line("B7", f"one worker: {LOOKS}", f"{median(rates.looks):,.0f}/s, {share:.2f} of the anchor's requests"),
    )


def _weight_lines(weighed: dict[str, float]) -> list[Line]:
    lines = []
    for life in ("opened", "resolved"):
        whole = sum(weighed[name] for name in SHARED) + sum(
            size for what, size in weighed.items() if what.startswith(f"{life}: ")
        )
        name = f"Redis for a case at rest, {life}: row, places, lists, timeline"
        lines.append(Line("B7", name, f"{whole:,.0f} bytes", f"≤ {MOST_BYTES:,}", whole <= MOST_BYTES))
    return [*lines, *(Line("B7", what, f"{size:,.0f} bytes") for what, size in weighed.items())]
