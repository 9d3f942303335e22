"""One district's findings as the subjects of cases."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from remediation.domain.cases.records import CaseKey, CaseKind
from remediation.domain.findings import Finding
from remediation.domain.status import Status
from remediation.domain.subjects import Subject, subject_of
from remediation.ports import SubjectPage
from remediation.sources.schoolscan.pages import FindingsPage


class FindingsAccount(Protocol):
    """The calls of SchoolScan that a source of findings needs; see client.SchoolScan."""

    async def finding(self, finding_id: str) -> Finding:
        """Returns the finding as it is now."""
        ...

    async def findings_page(self, filters: Mapping[str, str], cursor: str | None) -> FindingsPage:
        """Returns one page of at most 100 findings."""
        ...

    async def update_finding(self, finding_id: str, status: Status, note: str) -> None:
        """Set the status, with the note."""
        ...


@dataclass(frozen=True, slots=True)
class FindingSource:
    """A district's account at SchoolScan. Fulfils remediation.ports.ListedSource."""

    district: str
    account: FindingsAccount

    async def subject(self, key: CaseKey) -> Subject:
        """Returns the finding as it is now."""
        return subject_of(key, await self.account.finding(key.id))

    async def set_status(self, key: CaseKey, status: Status, note: str) -> None:
        """Set the finding's status, with the note for SchoolScan's audit trail."""
        await self.account.update_finding(key.id, status, note)

    async def page(self, filters: Mapping[str, str], cursor: str | None) -> SubjectPage:
        """Returns one page of at most 100 findings, each as the subject of a case of its own."""
        page = await self.account.findings_page(filters, cursor)
        subjects = (subject_of(CaseKey(self.district, CaseKind.FINDING, each.id), each) for each in page.findings)
        return SubjectPage(tuple(subjects), page.cursor, page.left_out)
