"""What a backfill is asked for at the command line."""

from dataclasses import dataclass
from datetime import datetime

from remediation.domain.status import Severity
from remediation.domain.subjects import Subject
from remediation.store.scans.backfills import Backfill

_LEEWAY = 60.0
"""Seconds by which this machine's clock, which a span goes back from, may differ from another's and from Redis's."""


@dataclass(frozen=True, slots=True)
class BackfillChoice:
    """Which findings of which district: none of `severities`, and no `since`, mean all."""

    district: str
    severities: tuple[Severity, ...]
    since: datetime | None

    @property
    def since_seconds(self) -> float | None:
        """`since` in Unix seconds, as the store keeps it."""
        return None if self.since is None else float(int(self.since.timestamp()))

    @property
    def words(self) -> str:
        """What is asked for, in the words of the command line."""
        severities = [f"--severity {each}" for each in sorted(set(self.severities))]
        since = [f"--since {self.since.isoformat(timespec='seconds')}"] if self.since else []
        return " ".join([f"--district {self.district}", *severities, *since])

    def is_of(self, backfill: Backfill, now: float) -> bool:
        """Whether the backfill has the same choice at `now` (Unix seconds).

        A span such as 90d is a later moment each time that it is said: later by as long as the backfill has begun.
        """
        if set(backfill.severities) != set(self.severities):
            return False
        if backfill.since is None or self.since_seconds is None:
            return backfill.since is None and self.since_seconds is None
        return -_LEEWAY <= self.since_seconds - backfill.since <= now - backfill.begun_at + _LEEWAY

    def takes(self, subject: Subject) -> bool:
        """Whether the subject is asked for, as workers judge it (see ScanListing.counts)."""
        changed = subject.changed_at or subject.detected_at
        if subject.status.is_solved or (self.severities and subject.severity not in self.severities):
            return False
        return self.since is None or changed is None or changed >= self.since
