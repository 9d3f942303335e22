"""In-memory stand-ins for parked work and timelines, on the shelves that the to-do list lies on, too."""

from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from remediation.defects import words_of_defect
from remediation.domain.cases.records import CaseKey
from remediation.domain.errors import OutsideError, RemediationError, TryLater
from remediation.store.budgets.learned import Budgets, NoRoom, Spent, ToldLimit
from remediation.store.budgets.trackers import TrackerBudgets
from remediation.store.cases.entries import Entry, LookCause, decoded, encoded
from remediation.store.cases.timeline import BEGINNING, MOST_ENTRIES, Timeline, TimelineEntry
from remediation.store.deliveries.parked import (
    EVERYTHING,
    DecisionOutcome,
    Parked,
    ParkedKind,
    ParkedWork,
    Selection,
    name_of,
)
from remediation.store.deliveries.set_aside import Deleted, SetAsideLimits
from remediation.store.systems import Systems
from tests.shelves import Shelves, milliseconds


def _words_of(error: Exception) -> str:
    if isinstance(error, OutsideError):
        return error.words
    return str(error) if isinstance(error, RemediationError) else words_of_defect(error)


class MemoryParkedWork(ParkedWork):
    """The list of parked work; a look parks actions and whole cases. Replays are not counted."""

    def __init__(self, shelves: Shelves) -> None:
        self._on = shelves

    async def park(
        self,
        kind: ParkedKind,
        subject: str,
        error: Exception,
        now: float,
        *,
        district: str,
        action: str = "",
        system: str = "",
    ) -> str:
        name = name_of(kind, subject, action)
        at = datetime.fromtimestamp(milliseconds(now) / 1000, tz=UTC)
        item = Parked(
            name=name,
            kind=kind,
            subject=subject,
            district=district,
            action=action,
            system=error.system if isinstance(error, OutsideError) else system,
            error=type(error).__name__,
            status=error.status if isinstance(error, OutsideError) else None,
            words=_words_of(error),
            attempts=1,
            replays=0,
            first_at=at,
            at=at,
        )

        def work() -> None:
            before = self._on.parked.pop(name, replace(item, attempts=0))
            self._on.parked[name] = replace(item, attempts=before.attempts + 1, first_at=before.first_at)
            self._on.write(subject, **{f"parked:{action}": milliseconds(now)})

        await self._on.call(work)
        return name

    async def replay(self, name: str, now: float, *, most: int | None = None, audit: bytes = b"") -> DecisionOutcome:
        del most
        self._on.note_line(audit)
        return DecisionOutcome(await self._on.call(lambda: self._decide(name, now, again=True)))

    async def discard(self, name: str, now: float, *, audit: bytes = b"") -> DecisionOutcome:
        self._on.note_line(audit)
        return DecisionOutcome(await self._on.call(lambda: self._decide(name, now, again=False)))

    def _decide(self, name: str, now: float, *, again: bool) -> bool:
        item = self._on.parked.pop(name, None)
        if item is None:
            return False
        if again:
            row = self._on.row(item.subject)
            self._on.drop(item.subject, f"parked:{item.action}")
            self._on.write(item.subject, **{f"again:{item.action}": milliseconds(now)})
            self._on.mark(item.subject, row.get("id", b"").decode(), milliseconds(now), -1, LookCause.PERSON)
        elif f"parked:{item.action}" in self._on.row(item.subject):
            self._on.drop(item.subject, f"parked:{item.action}")
            self._on.write(item.subject, **{f"given_up:{item.action}": milliseconds(now)})
        return True

    async def count(self) -> int:
        return len(self._on.parked)

    async def listed(self, wanted: Selection = EVERYTHING) -> AsyncIterator[Parked]:
        for item in sorted(self._on.parked.values(), key=lambda item: item.at, reverse=True):
            if wanted.takes(item):
                yield item

    async def facts(self, names: Sequence[str]) -> list[Parked]:
        return [replace(self._on.parked[name], words="", trace="") for name in names if name in self._on.parked]

    async def one(self, name: str) -> Parked | None:
        return self._on.parked.get(name)


class NothingSetAside(SetAsideLimits):
    """Nothing is beyond a limit."""

    async def make_room(self, district: str, now: float, nobodys: CaseKey | None = None) -> list[Deleted]:
        del district, now, nobodys
        return []


class NoSystems(Systems):
    """Systems of which nothing is noted: what waits for one comes back when it is due."""

    def __init__(self) -> None:
        """Nothing lies in Redis."""

    async def note_trouble(self, error: TryLater, now: float) -> bool:
        del error, now
        return False

    async def note_answer(self, system: str, now: float) -> bool:
        del system, now
        return False

    async def limited_until(self, system: str) -> float:
        del system
        return 0.0


class NoTrackerBudgets(TrackerBudgets):
    """No tracker tells of a limit."""

    def __init__(self) -> None:
        """Without a connection."""

    async def names(self) -> frozenset[str]:
        return frozenset()


class NoBudgets(Budgets):
    """A system whose answers tell of no limit."""

    def __init__(self) -> None:
        """Nothing lies in Redis."""

    async def spend(self, budget: str, ref: str, now: float, *, urgent: bool = False) -> Spent | NoRoom:
        del ref, now, urgent
        return Spent(budget, "")

    async def settle(self, spent: Spent, answer: ToldLimit | None, now: float, closed: float | None = None) -> None:
        del spent, answer, now, closed


class MemoryTimeline(Timeline):
    """The timelines of all cases. None is ever forgotten; of a long one the oldest entries go at once."""

    def __init__(self, shelves: Shelves) -> None:
        self._on = shelves

    def keeping(self, kept: timedelta) -> "MemoryTimeline":  # noqa: ARG002 - none is ever forgotten
        return self

    async def tell(self, ref: str, entries: Iterable[Entry], *, is_first: bool = False) -> None:
        del is_first
        wire = [encoded(entry) for entry in entries]

        def work() -> None:
            self._on.told[ref] += [(_id(next(self._on.numbers)), kind, text) for kind, text in wire]
            del self._on.told[ref][:-MOST_ENTRIES]

        if wire:
            await self._on.call(work)

    async def read(self, ref: str, limit: int = MOST_ENTRIES) -> list[Entry]:
        return [entry for _, kind, text in self._on.told[ref][-limit:] if (entry := decoded(kind, text))]

    async def read_each(self, refs: Sequence[str]) -> list[list[Entry]]:
        return [await self.read(ref) for ref in refs]

    async def since(self, ref: str, after: str = BEGINNING) -> AsyncIterator[TimelineEntry]:
        for entry_id, kind, text in list(self._on.told[ref]):
            if (after == BEGINNING or entry_id > after) and (entry := decoded(kind, text)):
                yield TimelineEntry(entry_id, entry)

    async def now(self) -> str:
        return _id(next(self._on.numbers))


def _id(number: int) -> str:
    """Ids sort as they were given."""
    return f"{number:013}-0"
