"""What is remembered of each finding of a case with several: codes and times, so that few need be read. Pure."""

from dataclasses import dataclass
from datetime import UTC, datetime

from remediation.domain.outside_words import ReviewOutcome
from remediation.domain.status import Severity, Status

_NONE = "-"

UNLISTED, JOINED, SET_SINCE = "n", "0", "1"
"""What a row says of a member of a group's case that has joined it: no ticket is known to list it yet; one does, so
that the ticket is its own; and its status was set since."""


@dataclass(frozen=True, slots=True)
class KnownMember:
    """A member as it was when it was last read, or as we have left it since; GONE where its source had none.

    `times` is how often it had been named then: where it was named again since, it must be read again.
    """

    times: int
    status: Status
    severity: Severity = Severity.UNKNOWN
    detected_at: datetime | None = None
    review: ReviewOutcome | None = None

    @classmethod
    def parse(cls, text: str) -> "KnownMember":
        """Returns what `str` wrote. Raises ValueError for anything else."""
        times, status, severity, detected, review = text.split("/")
        at = None if detected == _NONE else datetime.fromtimestamp(float(detected), tz=UTC)
        outcome = None if review == _NONE else ReviewOutcome(review)
        return cls(int(times), Status(status), Severity(severity), at, outcome)

    def __str__(self) -> str:
        return f"{self.times}/{self.code}"

    @property
    def code(self) -> str:
        """Everything but `times`: a list that shows the same brings no news."""
        detected = _NONE if self.detected_at is None else repr(self.detected_at.timestamp())
        return "/".join((self.status, self.severity, detected, self.review or _NONE))


@dataclass(frozen=True, slots=True)
class ListedMember:
    """A member as a ticket's list shows it."""

    id: str
    severity: Severity
    status: Status
