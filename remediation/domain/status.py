"""The status and the severity of a case's subject: words that all sources share."""

from enum import StrEnum


class Status(StrEnum):
    """The status of a subject. Only its source sets `open`; GONE is ours, for a subject that no longer exists."""

    OPEN = "open"
    REVIEWING = "reviewing"
    RESOLVED = "resolved"
    ACCEPTED_RISK = "accepted_risk"
    GONE = "gone"
    UNKNOWN = "unknown"

    @property
    def is_solved(self) -> bool:
        """Whether nothing more is to be done: resolved, or accepted as a risk."""
        return self is Status.RESOLVED or self is Status.ACCEPTED_RISK

    @property
    def is_unsolved(self) -> bool:
        """Whether somebody must still act: open or reviewing."""
        return self is Status.OPEN or self is Status.REVIEWING


class Severity(StrEnum):
    """How severe a subject is, the worst first. A word that we do not know is UNKNOWN."""

    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"
    UNKNOWN = "unknown"

    def is_worse_than(self, other: "Severity") -> bool:
        """Whether it is more severe. UNKNOWN is neither more nor less severe than any other."""
        if Severity.UNKNOWN in (self, other):
            return False
        return _WORST_FIRST[self] < _WORST_FIRST[other]


_WORST_FIRST = {word: place for place, word in enumerate(Severity)}
