"""Everything that reconciling looks at: every finding of the districts, and every ticket of ours. Only ever reads."""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import TypeVar

from remediation.backoff import delay
from remediation.cases import CaseKey, CaseKind
from remediation.errors import TryLater
from remediation.findings import Finding
from remediation.ports import Source, Tracker
from remediation.queue import Band, band_of
from remediation.store.owners import Owners
from remediation.tickets import TicketChange

ResultT = TypeVar("ResultT")

BEGINNING = datetime(2000, 1, 1, tzinfo=UTC)
"""Before any ticket of ours and any finding."""

BATCH = 100
_MOST_TRIES = 8

Sleep = Callable[[float], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Candidate:
    """A case to look at. `trackers` have a ticket that bears its mark; `finding` is as a list showed it."""

    key: CaseKey
    finding: Finding | None
    trackers: frozenset[str]

    @property
    def band(self) -> Band | None:
        """How urgent it is, as far as that is known."""
        return band_of(self.finding.severity) if self.finding else None


@dataclass(frozen=True, slots=True)
class Walk:
    """Walks through findings and tickets that changed since a moment, waiting as long as it is told to.

    `say` is told what is waited for. Raises TryLater where a system stays away, Refused where it will not answer.
    """

    sources: Mapping[str, Source]
    trackers: Mapping[str, Tracker]
    owners: Owners
    since: datetime
    now: datetime
    say: Callable[[str], None]
    sleep: Sleep = asyncio.sleep

    async def batches(self) -> AsyncIterator[list[Candidate]]:
        """The cases, page by page; those that only a ticket tells of come last."""
        tickets = await self._cases_with_tickets()
        for district, source in self.sources.items():
            cursor: str | None = None
            while True:
                page = await self.patiently(partial(source.findings_page, {}, cursor))
                yield [each for found in page.findings if (each := self._candidate(district, found, tickets))]
                if (cursor := page.cursor) is None:
                    break
        for batch in _in_batches(tickets):
            yield batch

    async def patiently(self, ask: Callable[[], Awaitable[ResultT]], tries: int = _MOST_TRIES) -> ResultT:
        """The answer, asked for again while the other side says "later"; its own wait is kept."""
        for attempt in range(tries - 1):
            try:
                return await ask()
            except TryLater as error:
                wait = delay(attempt, error.after, random.SystemRandom())
                self.say(f"{error.system} asks us to wait; going on in {wait:.0f} s")
                await self.sleep(wait)
        return await ask()

    def _candidate(
        self, district: str, found: Finding, tickets: dict[str, tuple[CaseKey, set[str]]]
    ) -> Candidate | None:
        """A finding that changed lately, or whose ticket did. One that does not say when counts as changed."""
        key = CaseKey(district, CaseKind.FINDING, found.id)
        _, trackers = tickets.pop(key.ref, (key, set()))
        changed = found.updated_at or found.detected_at
        if not trackers and changed is not None and changed < self.since:
            return None
        return Candidate(key, found, frozenset(trackers))

    async def _cases_with_tickets(self) -> dict[str, tuple[CaseKey, set[str]]]:
        """The cases of these districts that have tickets, and where, by reference."""
        known: dict[str, tuple[CaseKey, set[str]]] = {}
        for tracker in self.trackers.values():
            async for change in self._changes(tracker):
                (key,) = await self.owners.of(tracker.name, [change])
                if key is not None and key.district in self.sources:
                    known.setdefault(key.ref, (key, set()))[1].add(tracker.name)
        return known

    async def _changes(self, tracker: Tracker) -> AsyncIterator[TicketChange]:
        """Every ticket that changed since the moment; one may come twice.

        A list without a cursor begins at its `now`, and one that is read to its end goes on from there.
        """
        cursor: str | None = None
        for until in (self.since, self.now):
            while True:
                page = await self.patiently(partial(tracker.changes, cursor, until))
                for change in page.changes:
                    yield change
                cursor = page.cursor
                if not page.more:
                    break


def _in_batches(tickets: Mapping[str, tuple[CaseKey, set[str]]]) -> Iterator[list[Candidate]]:
    rest = [Candidate(key, None, frozenset(trackers)) for key, trackers in tickets.values()]
    for start in range(0, len(rest), BATCH):
        yield rest[start : start + BATCH]
