"""The steps of a plan, as values. Each has a stable name within its case, by which it is parked and asked for again."""

from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar, Literal

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
class _OnTicket:
    """An action on the case's ticket in one tracker."""

    verb: ClassVar[str]
    tracker: str

    @property
    def name(self) -> str:
        """The action's stable name within its case."""
        return f"{self.verb}:{self.tracker}"


@dataclass(frozen=True, slots=True)
class OpenTicket(_OnTicket):
    """Open (or find) the case's ticket in a tracker."""

    verb = "open"
    why: Why


@dataclass(frozen=True, slots=True)
class ResolveTicket(_OnTicket):
    """Bring an active ticket to done."""

    verb = "resolve"
    reason: Reason
    why: Why


@dataclass(frozen=True, slots=True)
class ReopenTicket(_OnTicket):
    """Bring a done ticket back to work."""

    verb = "reopen"
    why: Why


@dataclass(frozen=True, slots=True)
class CommentOnTicket(_OnTicket):
    """Tell the people on a ticket what happened, without changing its state."""

    verb = "comment"
    why: Why


@dataclass(frozen=True, slots=True)
class CloseDuplicate(_OnTicket):
    """Close a second ticket of the case, in favour of the oldest."""

    verb = "duplicate"
    ticket_id: str


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


Action = OpenTicket | ResolveTicket | ReopenTicket | CommentOnTicket | CloseDuplicate | PatchFinding
Plan = tuple[Action, ...]
