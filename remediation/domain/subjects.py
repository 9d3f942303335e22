"""The subject of a case, whatever its source: all that planning knows about it."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, time, tzinfo
from typing import assert_never

from remediation.domain.cases.members import ListedMember
from remediation.domain.cases.records import CaseKey, CaseKind
from remediation.domain.findings import Finding, Scan
from remediation.domain.incidents import Decided, Incident, Told
from remediation.domain.status import Severity, Status
from remediation.domain.summaries import ScanSummary

Detail = Finding | Incident | ScanSummary
"""What a source itself shows of a subject."""


@dataclass(frozen=True, slots=True)
class Subject:
    """The subject of a case as its source showed it at one moment.

    `detected_at` and `changed_at` are the source's times, never our clock's; None where it does not state them.
    `review` is the outcome of an expert's review, in the source's word. `detail` is the source's own object; only the
    conditions and the templates of rules read it. `keeps_status` is false where the source takes no status back: then
    the status is what we have decided ourselves, and a store that was lost has lost it.

    Of an incident, `told` is what it was when its tickets were opened, as far as that is known, and `news` stands for
    what their readers may be told of since (see Told.digest_of; None for nothing): the ruling has the words.

    `members` are the findings of a case that has several; empty for any other.
    """

    key: CaseKey
    status: Status
    severity: Severity
    detail: Detail
    detected_at: datetime | None = None
    changed_at: datetime | None = None
    review: str | None = None
    keeps_status: bool = True
    told: Told | None = None
    news: str | None = None
    members: tuple[ListedMember, ...] = ()

    def with_status(self, status: Status) -> "Subject":
        """Returns the subject with another status, for planning and for rules alike."""
        detail = replace(self.detail, status=status) if isinstance(self.detail, Finding) else self.detail
        return replace(self, status=status, detail=detail)


def subject_of(key: CaseKey, finding: Finding) -> Subject:
    """Returns the finding as the subject of this case."""
    return Subject(
        key, finding.status, finding.severity, finding, finding.detected_at, finding.updated_at, finding.review
    )


def subject_of_incident(key: CaseKey, decided: Decided, zone: tzinfo = UTC) -> Subject:
    """Returns the incident as the subject of this case, with what was decided about it; its day begins in `zone`.

    How bad it is, its rule says: see `Ruling.severity`.
    """
    incident = decided.incident
    status = Status.GONE if incident.is_deleted else decided.status or Status.OPEN
    began = datetime.combine(incident.day, time(), zone).astimezone(UTC) if incident.day else None
    return Subject(key, status, Severity.UNKNOWN, incident, detected_at=began, keeps_status=False, told=decided.told)


def subject_of_summary(key: CaseKey, summary: ScanSummary) -> Subject:
    """Returns the summary of a scan as the subject of this case, which was not decided about yet.

    No ticket of it can be older than the beginning of the scan.
    """
    began = summary.scan.started_at
    return Subject(key, Status.OPEN, Severity.UNKNOWN, summary, detected_at=began, keeps_status=False)


def gone(key: CaseKey) -> Subject:
    """Returns the subject of a case that its source does not have any more; only its id is known."""
    match key.kind:
        case CaseKind.FINDING:
            return subject_of(key, Finding(key.id, Status.GONE))
        case CaseKind.INCIDENT:
            return subject_of_incident(key, Decided(Incident(key.id, is_deleted=True)))
        case CaseKind.SUMMARY:
            return replace(subject_of_summary(key, ScanSummary(Scan(key.id))), status=Status.GONE)
        case _:
            assert_never(key.kind)
