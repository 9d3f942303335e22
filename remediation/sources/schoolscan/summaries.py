"""One district's scans as the subjects of summaries."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from remediation.domain.cases.records import CaseKey
from remediation.domain.findings import Scan
from remediation.domain.status import Status
from remediation.domain.subjects import Subject, subject_of_summary
from remediation.domain.summaries import ScanCounts, ScanSummary, newest_before
from remediation.ports import SubjectPage

_LOOKS_BACK = timedelta(days=400)
"""How long ago the site's last scan may be: a grade of before then is none to compare with."""

_MOST_SCANS = 500
"""Scans of the site that are read at the most, since the order of the list is not known: five reads."""


class ScansAccount(Protocol):
    """The calls of SchoolScan that a source of summaries needs; see client.SchoolScan."""

    async def scan(self, scan_id: str) -> Scan:
        """Returns the scan as it is now."""
        ...

    def scans(
        self, *, status: str | None = None, domain: str | None = None, created_after: datetime | None = None
    ) -> AsyncIterator[Scan]:
        """Yields every scan of a list, page after page."""
        ...


class CountedScans(Protocol):
    """What a source of summaries needs of the store; see store.scans.counting."""

    async def read(self, key: CaseKey) -> ScanCounts | None:
        """Returns the numbers of the scan of this summary; None where nobody has counted. Raises StoreUnavailable."""
        ...


class FinishedReports(Protocol):
    """What a source of summaries needs of the store; see store.scans.reporting."""

    async def ready(self, key: CaseKey) -> str:
        """Returns the id of the scan's newest finished report; empty for none. Raises StoreUnavailable."""
        ...


@dataclass(frozen=True, slots=True)
class SummarySource:
    """A district's scans at SchoolScan with what was counted of each. Fulfils remediation.ports.ListedSource."""

    district: str
    account: ScansAccount
    counted: CountedScans
    reports: FinishedReports

    async def subject(self, key: CaseKey) -> Subject:
        """Returns the scan as it is now, with the numbers of its last counting and the site's scan before it.

        Where nobody has counted, the scan before is not asked for.
        """
        counts, scan = await self.counted.read(key), await self.account.scan(key.id)
        before = await self._before(scan) if counts is not None else None
        return subject_of_summary(key, ScanSummary(scan, counts, before, await self.reports.ready(key)))

    async def set_status(self, key: CaseKey, status: Status, note: str) -> None:
        """Does nothing: SchoolScan has no status for a summary."""

    async def page(self, filters: Mapping[str, str], cursor: str | None) -> SubjectPage:
        """Returns nothing: a summary begins with the end of its scan, and is never looked for in a list."""
        del filters, cursor
        return SubjectPage((), None)

    async def _before(self, scan: Scan) -> Scan | None:
        if scan.domain is None or scan.started_at is None:
            return None
        found: list[Scan] = []
        since = scan.started_at - _LOOKS_BACK
        async for each in self.account.scans(status="completed", domain=scan.domain, created_after=since):
            found.append(each)
            if len(found) == _MOST_SCANS:
                break
        return newest_before(scan, found)
