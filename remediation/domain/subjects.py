"""The subject of a case, whatever its source: all that planning knows about it."""

from dataclasses import dataclass, replace
from datetime import datetime

from remediation.domain.cases import CaseKey
from remediation.domain.findings import Finding
from remediation.domain.status import Severity, Status


@dataclass(frozen=True, slots=True)
class Subject:
    """The subject of a case as its source showed it at one moment.

    `detected_at` and `changed_at` are the source's times, never our clock's; None where it does not state them.
    `review` is the outcome of an expert's review, in the source's word. `detail` is the source's own object; only the
    conditions and the templates of rules read it.
    """

    key: CaseKey
    status: Status
    severity: Severity
    detail: Finding
    detected_at: datetime | None = None
    changed_at: datetime | None = None
    review: str | None = None

    def with_status(self, status: Status) -> "Subject":
        """Returns the subject with another status, for planning and for rules alike."""
        return replace(self, status=status, detail=replace(self.detail, status=status))


def subject_of(key: CaseKey, finding: Finding) -> Subject:
    """Returns the finding as the subject of this case."""
    return Subject(
        key, finding.status, finding.severity, finding, finding.detected_at, finding.updated_at, finding.review
    )


def gone(key: CaseKey) -> Subject:
    """Returns the subject of a case that its source does not have any more; only its id is known."""
    return subject_of(key, Finding(key.id, Status.GONE))
