"""A district's findings, with the drills among them that are played just now."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from remediation.domain.cases.records import CaseKey
from remediation.domain.drills import is_drill
from remediation.domain.findings import Finding
from remediation.domain.status import Status
from remediation.domain.subjects import Subject, subject_of
from remediation.ports import ListedSource, SubjectPage


class PlayedDrill(Protocol):
    """A drill, as far as its source needs it."""

    @property
    def finding(self) -> Finding:
        """The finding that it plays."""
        ...


class KeptDrills(Protocol):
    """Where drills are kept; see store.drills.Drills."""

    async def drill(self, key: CaseKey) -> PlayedDrill | None:
        """The drill of this case; None where there is none."""
        ...

    async def set_status(self, key: CaseKey, status: Status, now: float) -> None:
        """Set its status. `now` is Unix seconds."""
        ...


@dataclass(frozen=True, slots=True)
class DrilledSource:
    """SchoolScan for real findings, and our own rows for drills. Fulfils remediation.ports.ListedSource.

    SchoolScan is never asked about a drill, nor told of one. One that is not kept (any more) is resolved: a ticket of
    it that is found after Redis was wiped is closed like one whose drill is over. The notes of drills are for nobody,
    and not kept.
    """

    source: ListedSource
    drills: KeptDrills
    clock: Callable[[], float]

    async def subject(self, key: CaseKey) -> Subject:
        """Returns the finding as it is now."""
        if not is_drill(key.id):
            return await self.source.subject(key)
        found = await self.drills.drill(key)
        return subject_of(key, found.finding if found is not None else Finding(key.id, Status.RESOLVED))

    async def set_status(self, key: CaseKey, status: Status, note: str) -> None:
        """Set the finding's status."""
        if not is_drill(key.id):
            await self.source.set_status(key, status, note)
        elif await self.drills.drill(key) is not None:
            await self.drills.set_status(key, status, self.clock())

    async def page(self, filters: Mapping[str, str], cursor: str | None) -> SubjectPage:
        """Returns one page of SchoolScan's list, which has no drills."""
        return await self.source.page(filters, cursor)
