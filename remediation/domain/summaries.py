"""What a scan found, in numbers: all that its summary ticket tells. Pure."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from remediation.domain.findings import DomainType, Finding, Scan, ScanStatus
from remediation.domain.status import Severity, Status

_HAD, _HAS_NOT = "1", "0"
_NAMES = "@"


@dataclass(frozen=True, slots=True, order=True)
class FindingTally:
    """What counts of a finding in a summary.

    `is_known` says that it was detected before the scan began, so that the scan found it again; None where that cannot
    be told. `has_ticket` says whether its case had a ticket when it was counted.
    """

    severity: Severity
    domain_type: DomainType
    status: Status
    is_known: bool | None
    has_ticket: bool

    @classmethod
    def of(cls, finding: Finding, began: datetime | None, *, has_ticket: bool) -> "FindingTally":
        """Returns the tally of a finding of a scan that began at this time."""
        detected = finding.detected_at
        is_known = None if began is None or detected is None else detected < began
        return cls(finding.severity, finding.domain_type, finding.status, is_known, has_ticket)

    @classmethod
    def parse(cls, text: str) -> "FindingTally":
        """Returns what `str` wrote. Raises ValueError for anything else."""
        severity, domain_type, status, known, ticket = text.split("/")
        is_known = {_HAD: True, _HAS_NOT: False}.get(known)
        return cls(Severity(severity), DomainType(domain_type), Status(status), is_known, ticket == _HAD)

    def __str__(self) -> str:
        known = "" if self.is_known is None else (_HAD if self.is_known else _HAS_NOT)
        ticket = _HAD if self.has_ticket else _HAS_NOT
        return f"{self.severity}/{self.domain_type}/{self.status}/{known}/{ticket}"


MOST_NAMED = 100
"""The most tickets that a summary names."""


@dataclass(frozen=True, slots=True)
class NamedTickets:
    """The tickets of a finding by what people call them, one for each tracker that has one, and where it stands."""

    severity: Severity
    status: Status
    keys: tuple[str, ...]

    @classmethod
    def parse(cls, text: str) -> "NamedTickets":
        """Returns what `str` wrote. Raises ValueError for anything else."""
        state, _, keys = text.partition(_NAMES)
        severity, status = state.split("/")
        return cls(Severity(severity), Status(status), tuple(keys.split(",")))

    def __str__(self) -> str:
        return f"{self.severity}/{self.status}{_NAMES}{','.join(self.keys)}"

    @property
    def order(self) -> tuple[bool, int, tuple[str, ...]]:
        """Those to do come first, and the worst of them."""
        return not self.status.is_unsolved, list(Severity).index(self.severity), self.keys


@dataclass(frozen=True, slots=True)
class ScanCounts:
    """How many findings of a scan have each tally. `first` is how many there were when they were first counted.

    `named` are MOST_NAMED of their tickets, those to do and the worst first.
    """

    tallies: Mapping[FindingTally, int] = field(default_factory=dict)
    first: int | None = None
    named: tuple[NamedTickets, ...] = ()

    @classmethod
    def parse(cls, text: str, first: int | None = None) -> "ScanCounts":
        """Returns what `str` wrote. Raises ValueError for anything else."""
        words = text.split()
        pairs = (word.rpartition("=") for word in words if _NAMES not in word)
        named = tuple(NamedTickets.parse(word) for word in words if _NAMES in word)
        return cls({FindingTally.parse(tally): int(count) for tally, _, count in pairs}, first, named)

    def __str__(self) -> str:
        counted = (f"{tally}={count}" for tally, count in sorted(self.tallies.items(), key=lambda each: str(each[0])))
        return " ".join((*counted, *map(str, self.named)))

    def with_more(self, tallies: Iterable[FindingTally], named: Iterable[NamedTickets] = ()) -> "ScanCounts":
        """Returns the counts with these findings and their tickets in addition. Tickets of several are named once."""
        first: dict[tuple[str, ...], NamedTickets] = {}
        for each in sorted((*self.named, *named), key=lambda each: each.order):
            first.setdefault(each.keys, each)
        kept = tuple(first.values())[:MOST_NAMED]
        return ScanCounts(Counter(self.tallies) + Counter(tallies), self.first, kept)

    @property
    def total(self) -> int:
        """How many findings were counted."""
        return sum(self.tallies.values())

    @property
    def is_solved(self) -> bool:
        """Whether there are findings, and each is resolved or accepted as a risk."""
        return self.total > 0 and self.in_status(Status.RESOLVED, Status.ACCEPTED_RISK).total == self.total

    @property
    def no_longer_listed(self) -> int:
        """How many findings fewer there are than when they were first counted."""
        return max(0, (self.first or 0) - self.total)

    def where(self, **facts: object) -> int:
        """Returns how many findings have these facts, by the names of a tally's fields."""
        return sum(
            count
            for tally, count in self.tallies.items()
            if all(getattr(tally, name) == value for name, value in facts.items())
        )

    def in_status(self, *statuses: Status) -> "ScanCounts":
        """Returns the counts of the findings that have one of these statuses."""
        return ScanCounts({tally: count for tally, count in self.tallies.items() if tally.status in statuses})


@dataclass(frozen=True, slots=True)
class ScanSummary:
    """A scan and the numbers of what it found; the detail of the subject of a summary.

    `before` is the site's last completed scan that began before this one; None where there is none. `counts` is None
    where nobody has counted yet. `report` is the id of its newest compliance report that SchoolScan has finished for
    us; empty for none.
    """

    scan: Scan
    counts: ScanCounts | None = None
    before: Scan | None = None
    report: str = ""

    @property
    def is_completed(self) -> bool:
        """Whether the scan has come to its end and found what it was to find: only then it has a summary."""
        return self.scan.status is ScanStatus.COMPLETED or (
            self.scan.status is ScanStatus.UNKNOWN and self.scan.has_ended
        )

    @property
    def is_uncounted(self) -> bool:
        """Whether the numbers of a completed scan are missing."""
        return self.is_completed and self.counts is None


def newest_before(scan: Scan, others: Iterable[Scan]) -> Scan | None:
    """Returns the newest completed scan of the same site that began before this one; None where there is none."""
    if scan.domain is None or scan.started_at is None:
        return None
    earlier = [
        (other.started_at, other.id, other)
        for other in others
        if other.id != scan.id
        and other.status is ScanStatus.COMPLETED
        and other.domain == scan.domain
        and other.started_at is not None
        and other.started_at < scan.started_at
    ]
    return max(earlier, key=lambda each: each[:2])[2] if earlier else None
