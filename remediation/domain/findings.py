"""SchoolScan's objects as values. They never contain descriptions or evidence."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from remediation.domain.outside_words import ReviewOutcome
from remediation.domain.status import Severity, Status


class DomainType(StrEnum):
    """What kind of student data is exposed (SchoolScan's six domains)."""

    DIRECT_PII = "direct_pii"
    REIDENTIFICATION = "reidentification"
    DIRECTORY_INFO = "directory_info"
    EDUCATION_RECORDS = "education_records"
    METADATA = "metadata"
    VENDOR_EXPOSURE = "vendor_exposure"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Finding:
    """A finding as SchoolScan showed it at one moment. Only `id` is always present.

    `site` is the host of `url`, lower case. `words` keeps the raw word of every field that parsed to UNKNOWN,
    by field name. `title` and `url` may go into a ticket only where a rule says `detail: restricted`. `review` is the
    outcome of an expert's review.
    """

    id: str
    status: Status = Status.UNKNOWN
    severity: Severity = Severity.UNKNOWN
    domain_type: DomainType = DomainType.UNKNOWN
    scan_id: str | None = None
    title: str | None = field(default=None, repr=False)
    url: str | None = field(default=None, repr=False)
    site: str | None = None
    detected_at: datetime | None = None
    updated_at: datetime | None = None
    review: ReviewOutcome | None = None
    words: Mapping[str, str] = field(default_factory=dict)


class ScanStatus(StrEnum):
    """The state of a scan."""

    QUEUED = "queued"
    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"
    UNKNOWN = "unknown"


ENDED = frozenset({ScanStatus.COMPLETED, ScanStatus.FAILED, ScanStatus.CANCELLED})
"""The states in which a scan stays."""


@dataclass(frozen=True, slots=True)
class Scan:
    """One crawl of one domain. Counts are None until SchoolScan states them."""

    id: str
    status: ScanStatus = ScanStatus.UNKNOWN
    domain: str | None = None
    started_at: datetime | None = None
    completed_at: datetime | None = None
    pages_scanned: int | None = None
    findings_count: int | None = None
    overall_grade: str | None = None
    domain_scores: Mapping[str, int] = field(default_factory=dict)
    words: Mapping[str, str] = field(default_factory=dict)

    @property
    def has_ended(self) -> bool:
        """Whether nothing more comes of it; one in a state that we do not know has where it says when."""
        return self.status in ENDED or (self.status is ScanStatus.UNKNOWN and self.completed_at is not None)


class ReportFormat(StrEnum):
    """The formats of a compliance report."""

    PDF = "pdf"
    CSV = "csv"
    JSON = "json"
    MARKDOWN = "markdown"


class ReportStatus(StrEnum):
    """How far a report is."""

    PENDING = "pending"
    READY = "ready"
    FAILED = "failed"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Report:
    """A compliance report that SchoolScan makes of a completed scan. `words` is as that of Finding."""

    id: str
    status: ReportStatus = ReportStatus.UNKNOWN
    words: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ReportDownload:
    """The address from which a report can be fetched for 15 minutes.

    It is a secret: never stored, logged or printed.
    """

    url: str = field(repr=False)
    expires_at: datetime | None = None
