"""Which deliveries this process has refused, read from its own counters: an answer costs nothing more for it.

What is new is written to Redis now and then, in one small row for each kind and day, however many there were.
"""

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Mapping

import structlog

from receiver.metrics import DELIVERIES, HTTP_REFUSALS, NOBODY, SIGNATURES_SEEN
from remediation.domain.errors import StoreUnavailable
from remediation.store.deliveries.refused import RefusalKind, RefusedLog
from remediation.store.server.connection import cancel_until_done

logger = structlog.get_logger()

NOTE_SECONDS = 5.0
"""Seconds between two notes."""

_LAST_SECONDS = 1.0
"""Seconds for the note that a process makes when it ends."""

_TAKEN = "2"
_SIGNATURE = ("401", "signature")


class RefusedCounts:
    """What was refused since this object began, less what was noted."""

    def __init__(self) -> None:
        self._noted = Counter(dict(_counted()))

    def fresh(self) -> Mapping[RefusalKind, int]:
        """How many of each kind were refused and are not noted."""
        return {kind: count - self._noted[kind] for kind, count in _counted() if count > self._noted[kind]}

    def noted(self, fresh: Mapping[RefusalKind, int]) -> None:
        """These are noted."""
        self._noted.update(fresh)


def _counted() -> Iterator[tuple[RefusalKind, int]]:
    """How many of each kind this process has refused."""
    for labels, count in _samples(DELIVERIES):
        status, reason = labels["answer"], labels["reason"]
        if not status.startswith(_TAKEN) and (status, reason) != _SIGNATURE:
            yield RefusalKind(labels["sender"], labels["account"], int(status), reason), count
    for labels, count in _samples(SIGNATURES_SEEN):
        yield RefusalKind(labels["sender"], labels["account"], 401, "signature", labels["format"]), count
    for labels, count in _samples(HTTP_REFUSALS):
        yield RefusalKind(NOBODY, NOBODY, int(labels["answer"]), labels["reason"]), count


def _samples(counter: object) -> Iterator[tuple[Mapping[str, str], int]]:
    for metric in counter.collect():  # type: ignore[attr-defined]  # prometheus_client's own types leave it out
        for sample in metric.samples:
            if sample.name.endswith("_total"):
                yield sample.labels, int(sample.value)


@contextlib.asynccontextmanager
async def noting_refusals(log: RefusedLog, clock: Callable[[], float]) -> AsyncIterator[None]:
    """Note every few seconds what was refused, while this context is open, and when it ends.

    While Redis is away it is kept for the next note. `clock` returns Unix seconds as the store counts them.
    """
    counts = RefusedCounts()
    noting = asyncio.create_task(_note_on(counts, log, clock))
    try:
        yield
    finally:
        await cancel_until_done(noting)
        with contextlib.suppress(Exception):
            async with asyncio.timeout(_LAST_SECONDS):
                await _note(counts, log, clock)


async def _note_on(counts: RefusedCounts, log: RefusedLog, clock: Callable[[], float]) -> None:
    while True:
        await asyncio.sleep(NOTE_SECONDS)
        try:
            await _note(counts, log, clock)
        except StoreUnavailable:
            pass  # the code that uses Redis reports that
        except Exception as error:  # noqa: BLE001 - nothing that is told only to operators may end a process
            logger.warning("refusals_not_noted", error=type(error).__name__)


async def _note(counts: RefusedCounts, log: RefusedLog, clock: Callable[[], float]) -> None:
    if fresh := await asyncio.to_thread(counts.fresh):  # with hundreds of districts it takes some milliseconds
        await log.note(fresh.items(), clock())
        counts.noted(fresh)
