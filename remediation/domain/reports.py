"""The compliance report of a scan as a file on the ticket that sums the scan up. Pure."""

import hashlib
import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

from remediation.domain.findings import ReportFormat

_FORMS = {
    ReportFormat.PDF: ("pdf", "application/pdf"),
    ReportFormat.CSV: ("csv", "text/csv"),
    ReportFormat.JSON: ("json", "application/json"),
    ReportFormat.MARKDOWN: ("md", "text/markdown"),
}
"""The ending of a file's name and its media type."""
_STRANGE = re.compile(r"[^A-Za-z0-9._-]")
"""What stands in no file's name: trackers and their scanners of files refuse some of it."""


@dataclass(frozen=True, slots=True)
class ReportFile:
    """A report that SchoolScan made of a scan, for the scan's ticket. It holds student data: never stored or logged."""

    scan_id: str
    report_id: str
    form: ReportFormat
    content: bytes = field(repr=False)

    @property
    def name(self) -> str:
        """The file's name. It is the same for the same report, and no other report has it."""
        digest = hashlib.sha256(self.report_id.encode(errors="surrogatepass")).hexdigest()[:8]
        return f"{self._stem}-{digest}.{_FORMS[self.form][0]}"

    @property
    def media_type(self) -> str:
        """The file's media type."""
        return _FORMS[self.form][1]

    def replaces(self, name: str) -> bool:
        """Whether a file of this name is a report of the same scan, in whatever format."""
        endings = "|".join(ending for ending, _ in _FORMS.values())
        return re.fullmatch(rf"{re.escape(self._stem)}-[0-9a-f]{{8}}\.(?:{endings})", name) is not None

    @property
    def _stem(self) -> str:
        return f"schoolscan-report-{_STRANGE.sub('_', self.scan_id)}"


@dataclass(frozen=True, slots=True)
class Attached:
    """A file on a ticket: its id there, its name, and the account that attached it, as `Ticket.opened_by` has it."""

    id: str
    name: str
    by: str = ""


def is_attached(report: ReportFile, files: Iterable[Attached]) -> bool:
    """Whether the report is among a ticket's files, whoever attached it."""
    return any(each.name == report.name for each in files)


def superseded(report: ReportFile, files: Iterable[Attached], accounts: Collection[str]) -> list[Attached]:
    """Returns those of a ticket's files, oldest first, that the report takes the place of.

    These are reports of the same scan that our `accounts` attached. Of the report itself one stays.
    """
    ours = [each for each in files if report.replaces(each.name) and each.by in accounts]
    same = [each for each in ours if each.name == report.name]
    return [each for each in ours if each not in same[:1]]


@dataclass(frozen=True, slots=True)
class ReportTerms:
    """How reports of scans are made: in which format, how many seconds apart at least, of how many bytes at most."""

    form: ReportFormat
    every: float
    largest: int


@dataclass(frozen=True, slots=True)
class SummaryTerms:
    """How many seconds lie at least between two countings of a scan, and how its reports are made; None for none."""

    every: float
    report: ReportTerms | None = None


@dataclass(frozen=True, slots=True)
class RequestedReport:
    """A report that is being made. `id` is empty before SchoolScan was asked, at `asked_at` (Unix seconds).

    `failures` counts those in a row of which nothing came.
    """

    form: ReportFormat
    id: str = ""
    asked_at: float = 0.0
    failures: int = 0
