"""The incidents that reconciling looks at: those that have a case, or for which a rule asks for one."""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Protocol

from remediation.domain.cases.records import CaseKey
from remediation.domain.errors import OutsideError, TryLater, Waiting
from remediation.domain.status import Status
from remediation.domain.subjects import Subject
from remediation.ports import ListedSource, Rulebook, SubjectPage
from remediation.sources.incident_feed.answers import system_of
from workers.selection import asks_for_case


class KnownCases(Protocol):
    """What is needed of the records of incidents; see store.incidents."""

    async def with_case(self, refs: Collection[str]) -> frozenset[str]:
        """Those of the case references that the store has a case of."""
        ...

    async def is_swept(self, feed: str) -> bool:
        """Whether the store has every incident of the feed's school year."""
        ...


@dataclass(frozen=True, slots=True)
class IncidentCases:
    """A district's incidents, without those that need no ticket and have no case. Fulfils ports.ListedSource.

    How bad each is, its rule says. `clock` returns Unix seconds.
    """

    source: ListedSource
    rulebook: Rulebook
    records: KnownCases
    clock: Callable[[], float]

    async def subject(self, key: CaseKey) -> Subject:
        """The incident as its feed showed it last."""
        return await self.source.subject(key)

    async def set_status(self, key: CaseKey, status: Status, note: str) -> None:
        """Write down what was decided."""
        await self.source.set_status(key, status, note)

    async def page(self, filters: Mapping[str, str], cursor: str | None) -> SubjectPage:
        """Some of the incidents that are kept; a page may be empty although others follow."""
        page = await self.source.page(filters, cursor)
        at = datetime.fromtimestamp(self.clock(), UTC)
        rulings = {subject.key.ref: self.rulebook.ruling(subject, at) for subject in page.subjects}
        idle = [
            subject.key.ref for subject in page.subjects if not asks_for_case(subject, rulings[subject.key.ref].policy)
        ]
        without = set(idle) - await self.records.with_case(idle)
        subjects = (
            replace(subject, severity=rulings[subject.key.ref].severity)
            for subject in page.subjects
            if subject.key.ref not in without
        )
        return replace(page, subjects=tuple(subjects))


async def not_swept(feeds: Iterable[str], records: KnownCases) -> dict[str, OutsideError]:
    """Why nothing is concluded about the incidents of some of these feeds (`district/feed`), by the feed's system."""
    words = "its school year was not read whole yet: see remedy incidents poll"
    missing = [system_of(feed) for feed in feeds if not await records.is_swept(feed)]
    return {system: TryLater(system, words, waiting=Waiting.OURS) for system in missing}
