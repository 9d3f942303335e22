"""The steps of a plan, as values. Each has a stable name within its case, by which it is parked and asked for again."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from remediation.findings import FindingStatus
from remediation.tickets import Reason


class Why(StrEnum):
    """What moved us to an action; notes and comments are worded by it."""

    NEW = "new"
    FOUND_AGAIN = "found_again"
    TICKET_DONE = "ticket_done"
    TICKET_REOPENED = "ticket_reopened"
    FINDING_RESOLVED = "finding_resolved"
    FINDING_ACCEPTED = "finding_accepted"
    CONFLICT = "conflict"
    DUPLICATE = "duplicate"


@dataclass(frozen=True, slots=True)
class OpenTicket:
    """Open (or find) the case's ticket in a tracker."""

    tracker: str
    why: Why

    @property
    def name(self) -> str:
        """The action's stable name within its case."""
        return f"open:{self.tracker}"


@dataclass(frozen=True, slots=True)
class ResolveTicket:
    """Bring an active ticket to done."""

    tracker: str
    reason: Reason
    why: Why

    @property
    def name(self) -> str:
        """The action's stable name within its case."""
        return f"resolve:{self.tracker}"


@dataclass(frozen=True, slots=True)
class ReopenTicket:
    """Bring a done ticket back to work."""

    tracker: str
    why: Why

    @property
    def name(self) -> str:
        """The action's stable name within its case."""
        return f"reopen:{self.tracker}"


@dataclass(frozen=True, slots=True)
class CommentOnTicket:
    """Tell the people on a ticket what happened, without changing its state."""

    tracker: str
    why: Why

    @property
    def name(self) -> str:
        """The action's stable name within its case."""
        return f"comment:{self.tracker}"


@dataclass(frozen=True, slots=True)
class PatchFinding:
    """Set the finding's status in SchoolScan, with a note."""

    status: Literal[FindingStatus.REVIEWING, FindingStatus.RESOLVED, FindingStatus.ACCEPTED_RISK]
    why: Why
    reason: Reason | None = None

    @property
    def name(self) -> str:
        """The action's stable name within its case."""
        return f"patch:{self.status}"


@dataclass(frozen=True, slots=True)
class CloseDuplicate:
    """Close a second ticket of the case, in favour of the oldest."""

    tracker: str
    ticket_id: str

    @property
    def name(self) -> str:
        """The action's stable name within its case."""
        return f"duplicate:{self.tracker}"


Action = OpenTicket | ResolveTicket | ReopenTicket | CommentOnTicket | CloseDuplicate | PatchFinding
Plan = tuple[Action, ...]
