"""Everything that reconciling looks at: all findings and incidents, and every ticket of ours. Only ever reads.

Each list is read once. A system that stays down, or refuses, leaves out only what nobody else tells of: the others are
read meanwhile, and to their end. Tickets come first, because a finding's case must know where it has some. What changes
while a list is being read may be left out of it: the polls see that.
"""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import TypeVar

from remediation.domain.cases.records import CaseKey, key_of_ref
from remediation.domain.errors import OutsideError, Refused, TryLater
from remediation.domain.ownership import SiteHistory
from remediation.domain.subjects import Subject
from remediation.domain.tickets import ChangePage, TicketChange
from remediation.outbound.backoff import delay
from remediation.ports import ListedSource, Listing, Relations, SourceKey, Tracker
from remediation.queue import Band, band_of
from remediation.store.cases.groups import GroupCases
from remediation.store.cases.links import Owners
from remedy.reconcile.strays import Strays
from remedy.reconcile.streams import merged

ResultT = TypeVar("ResultT")

BEGINNING = datetime(2000, 1, 1, tzinfo=UTC)
"""A time before any ticket of ours and any finding."""

BATCH = 100

_MOST_TRIES = 8
"""Asking so often for a page takes two minutes at the most, if the system does not say how long to wait (see backoff):
enough for a restart or a fail-over, and short enough for a person who waits for the answer."""

LONGEST_WAIT = 300.0
"""Seconds that one page is waited for in all, whatever its system asks for. Rate limits count minutes, and are over by
then; who asks for an hour is in maintenance, and its list is better read in another run."""

Sleep = Callable[[float], Awaitable[None]]
Tickets = dict[str, tuple[CaseKey, dict[str, set[str]]]]
"""The cases that have tickets, with the ids of these by tracker, by reference."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A case to look at. `subjects` are as a list showed them: one at the most, but for one of an identity or a group.

    `tickets` are the ids of those that bear its mark, or that of a finding of its own, by tracker.
    """

    key: CaseKey
    subjects: tuple[Subject, ...]
    tickets: Mapping[str, AbstractSet[str]]

    @property
    def band(self) -> Band | None:
        """How urgent it is, as far as that is known."""
        return max((band_of(each.severity) for each in self.subjects), default=None)


@dataclass(frozen=True, slots=True)
class _Wait:
    """A wait for a system, for so many seconds."""

    seconds: float
    over: asyncio.Event = field(default_factory=asyncio.Event)


@dataclass(frozen=True, slots=True)
class Walk:
    """Walks through findings and tickets that changed since a moment, waiting as long as it is told to.

    `clock` returns Unix seconds as the store counts them. `say` is told what is waited for. `not_listed` tells, once
    the walk is over, which systems' lists were not read to their end, and why; `left_out` how many findings of each
    district had no id that can be used, and how many of its incidents cannot be read; and `strays` which marked tickets
    belong to no case. `sites` are those that the trackers are, `linked` the places in which each has linked tickets,
    and `relations` tells which findings an incident has to do with; None where no feed is concerned.
    """

    sources: Mapping[SourceKey, ListedSource]
    trackers: Mapping[str, Tracker]
    owners: Owners
    since: datetime
    clock: Callable[[], float]
    say: Callable[[str], None]
    sleep: Sleep = asyncio.sleep
    sites: Mapping[str, SiteHistory] = field(default_factory=dict)
    linked: Mapping[str, Collection[str]] = field(default_factory=dict)
    relations: Relations | None = None
    not_listed: dict[str, OutsideError] = field(default_factory=dict)
    left_out: Counter[SourceKey] = field(default_factory=Counter)
    strays: Strays = field(default_factory=Strays)
    _waits: dict[str, _Wait] = field(default_factory=dict, init=False)

    async def batches(self) -> AsyncIterator[list[Candidate]]:
        """The cases, page by page; those that only a ticket names come last."""
        tickets: Tickets = {}
        await asyncio.gather(*(self._add_tickets_of(tracker, tickets) for tracker in self.trackers.values()))
        async for batch in merged([self._subjects(each, source, tickets) for each, source in self.sources.items()]):
            yield batch
        for batch in _in_batches(tickets):
            yield batch

    async def patiently(self, ask: Callable[[], Awaitable[ResultT]], tries: int = _MOST_TRIES) -> ResultT:
        """The answer, asked for again while the other side says "later", for LONGEST_WAIT at the most.

        Its own wait is kept, or it is given up. A system that could not be listed has been waited for already. Raises
        TryLater where one stays away, Refused where one will not answer.
        """
        waited = 0.0
        for attempt in range(tries - 1):
            try:
                return await ask()
            except TryLater as error:
                wait = delay(attempt, error.after, random.SystemRandom())
                waited += wait
                if waited > LONGEST_WAIT or error.system in self.not_listed:
                    raise
                await self._wait(error, wait)
        return await ask()

    async def _wait(self, error: TryLater, seconds: float) -> None:
        """Wait for the system; where a wait for it is under way, for as long as that lasts."""
        known = self._waits.get(error.system)
        if known is not None and known.seconds >= (error.after or 0.0):
            await known.over.wait()
            return
        mine = self._waits[error.system] = _Wait(seconds)
        self.say(f"{_answer_words(error)}; asking again in {seconds:.0f} s")
        try:
            await self.sleep(seconds)
        finally:
            if self._waits.get(error.system) is mine:
                del self._waits[error.system]
            mine.over.set()

    async def _subjects(self, which: SourceKey, source: Listing, tickets: Tickets) -> AsyncIterator[list[Candidate]]:
        """A source's cases, page by page; those of whose subjects we hear are taken out of `tickets`.

        A subject may move to a later page while the list is read, and is told of once. Where the account refuses, its
        cases are taken out too: a look would be refused as well, and park each of them.
        """
        cursor: str | None = None
        told: set[CaseKey] = set()
        shared: dict[CaseKey, dict[CaseKey, Subject]] = {}
        while True:
            try:
                page = await self.patiently(partial(source.page, {}, cursor))
            except OutsideError as error:
                self._leave_out(error)
                if isinstance(error, Refused):
                    _take_out(which, tickets)
                return
            self.left_out[which] += page.left_out
            fresh = [subject for subject in page.subjects if subject.key not in told]
            alone = [subject for subject in fresh if not await self._is_shared(subject, shared, tickets)]
            own = [(subject.key, [subject]) for subject in alone]
            batch = self._candidates(own, tickets)
            told.update(each.key for each in batch)
            yield batch
            if (cursor := page.cursor) is None:
                break
        cases = [(key, list(members.values())) for key, members in shared.items()]
        for start in range(0, len(cases), BATCH):
            yield self._candidates(cases[start : start + BATCH], tickets)

    async def _is_shared(
        self, subject: Subject, shared: dict[CaseKey, dict[CaseKey, Subject]], tickets: Tickets
    ) -> bool:
        """Whether others may belong to the finding's case. It is put there, and waits for the end of the list.

        Where a list cannot be read to its end, nothing is concluded for such a case.
        """
        district = subject.key.district
        identity = self.owners.rulebook.identity(district)
        home = identity.case_of(district, subject.detail) if identity else await self._group_of(subject, tickets)
        if home is not None:
            shared.setdefault(home, {})[subject.key] = subject
        return home is not None

    async def _group_of(self, subject: Subject, tickets: Tickets) -> CaseKey | None:
        """The case of a group to which the finding belongs or will belong; None where it has a case of its own."""
        rulebook, todo, key = self.owners.rulebook, self.owners.todo, subject.key
        if not rulebook.groups(key.district) or key.ref in tickets:
            return None
        own = await todo.record(key.ref)
        if own is not None and own.home:
            return key_of_ref(own.home)
        if (own is not None and own.has_own_work) or not subject.status.is_unsolved:
            return None
        group = rulebook.group_of(subject, datetime.fromtimestamp(self.clock(), tz=UTC))
        return await GroupCases(todo.connection).current_of(group) if group is not None else None

    def _candidates(self, cases: Sequence[tuple[CaseKey, list[Subject]]], tickets: Tickets) -> list[Candidate]:
        """Those of these cases that have a finding that changed lately, or whose ticket did.

        A finding that does not say when it changed counts as changed; of an incident, its day counts.
        """
        candidates = []
        for key, subjects in cases:
            refs = [key.ref, *(subject.key.ref for subject in subjects)]
            found = _together(tickets.pop(ref)[1] for ref in dict.fromkeys(refs) if ref in tickets)
            times = [subject.changed_at or subject.detected_at for subject in subjects]
            if found or any(changed is None or changed >= self.since for changed in times):
                candidates.append(Candidate(key, tuple(subjects), found))
        return candidates

    async def _add_tickets_of(self, tracker: Tracker, tickets: Tickets) -> None:
        """Add the cases of these districts that have a ticket in this tracker."""
        try:
            async for changes in self._pages(tracker):
                concerned = await self.owners.concerned(tracker.name, changes)
                self.strays.note(tracker.name, changes, concerned, self.owners.rulebook)
                for change, key in (
                    (change, key) for change, keys in zip(changes, concerned, strict=True) for key in keys
                ):
                    if (key.district, key.kind) in self.sources:
                        of_case = tickets.setdefault(key.ref, (key, {}))[1]
                        of_case.setdefault(tracker.name, set()).add(change.ticket_id)
        except OutsideError as error:
            self._leave_out(error)

    async def _pages(self, tracker: Tracker) -> AsyncIterator[Sequence[TicketChange]]:
        """Every ticket that changed since the moment, wherever it is, page by page; one may come twice."""
        for place in ("", *tracker.former_places(self.linked.get(tracker.name, ()))):
            cursor, more = tracker.cursor_at(self.since), True
            while more:
                page = await self.patiently(partial(self._page, tracker, cursor, place))
                yield page.changes
                cursor, more = page.cursor, page.more

    async def _page(self, tracker: Tracker, cursor: str, place: str) -> ChangePage:
        """The page, asked for now: it may have been waited for since the last one."""
        return await tracker.changes(cursor, datetime.fromtimestamp(self.clock(), tz=UTC), place)

    def _leave_out(self, error: OutsideError) -> None:
        self.not_listed[error.system] = error
        self.say(f"{error}; going on without it")


def _answer_words(error: TryLater) -> str:
    """What a system answered; that it asked for a wait is said only where it did."""
    asked = f", and asks for {error.after:.0f} s" if error.after else ""
    return f"{error.system} answered {error.status}{asked}: {error.words}" if error.status else f"{error}{asked}"


def _together(tickets: Iterable[Mapping[str, AbstractSet[str]]]) -> dict[str, set[str]]:
    """The ids of these tickets, by tracker."""
    found: dict[str, set[str]] = {}
    for each in tickets:
        for tracker, ids in each.items():
            found.setdefault(tracker, set()).update(ids)
    return found


def _take_out(which: SourceKey, tickets: Tickets) -> None:
    """Take the source's cases out."""
    for ref in [ref for ref, (key, _) in tickets.items() if (key.district, key.kind) == which]:
        del tickets[ref]


def _in_batches(tickets: Tickets) -> Iterator[list[Candidate]]:
    rest = [Candidate(key, (), found) for key, found in tickets.values()]
    for start in range(0, len(rest), BATCH):
        yield rest[start : start + BATCH]
