"""What Redis takes for things, as it tells itself, and waiting for what happens in other processes."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from statistics import mean

from redis.asyncio import Redis

from remediation.store.cases.timeline import Timeline
from remediation.store.keys import CASE, CASE_LIST, INDEX, TOLD
from remediation.store.server.connection import Connection

PLACES = "its tickets' places"
LISTS = "its place in the lists of cases"
SHARED = {PLACES: INDEX, LISTS: CASE_LIST}
"""What is kept for all cases together: what each of them has of it, and how its keys begin."""

_SETTLE_SECONDS = 120.0


@dataclass(frozen=True, slots=True)
class CaseWeight:
    """Bytes of a usual case's row and of its timeline, and how many entries that has."""

    row: float
    timeline: float
    entries: float


async def weigh_cases(redis: Redis, refs: Sequence[str]) -> CaseWeight:
    """What these cases weigh on average."""
    timeline = Timeline(Connection(redis))
    rows = mean([await size_of(redis, CASE + ref) for ref in refs])
    lines = mean([await size_of(redis, TOLD + ref) for ref in refs])
    return CaseWeight(rows, lines, float(mean([len(await timeline.read(ref)) for ref in refs])))


async def share_of(redis: Redis, prefix: str, cases: int) -> float:
    """Bytes that each of so many cases has of what is kept for all of them."""
    return sum([await size_of(redis, key) async for key in redis.scan_iter(prefix + "*", count=1_000)]) / cases


async def mean_size(redis: Redis, prefix: str) -> float:
    """Bytes of a key whose name begins like this, on average."""
    return mean([await size_of(redis, key) async for key in redis.scan_iter(prefix + "*", count=1_000)])


async def size_of(redis: Redis, key: str | bytes) -> float:
    """Bytes of a key, with all that is in it."""
    return float(await redis.memory_usage(key, samples=0) or 0)


async def until(holds: Callable[[], Awaitable[bool]], seconds: float = _SETTLE_SECONDS) -> None:
    """Wait for what happens in other processes. Raises TimeoutError."""
    async with asyncio.timeout(seconds):
        while not await holds():  # noqa: ASYNC110 - nobody here could set an event
            await asyncio.sleep(0.01)
