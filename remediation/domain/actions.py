"""The steps of a plan, as values. Each has a stable name within its case, by which it is parked and asked for again."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import ClassVar, Literal

from remediation.domain.status import Severity, Status
from remediation.domain.tickets import Reason


class Why(StrEnum):
    """What moved us to an action; notes and comments are worded by it."""

    NEW = "new"
    FOUND_AGAIN = "found_again"
    TICKET_DONE = "ticket_done"
    TICKET_REOPENED = "ticket_reopened"
    FINDING_RESOLVED = "finding_resolved"
    FINDING_ACCEPTED = "finding_accepted"
    FINDING_GONE = "finding_gone"
    CONFLICT = "conflict"
    DUPLICATE = "duplicate"
    SEVERITY_RAISED = "severity_raised"
    EXPERT_REVIEWED = "expert_reviewed"
    RISK_UNEXPLAINED = "risk_unexplained"
    RISK_STILL_ACCEPTED = "risk_still_accepted"
    RISK_EXPIRED = "risk_expired"
    KEPT_OPEN = "kept_open"
    REASON_CHANGED = "reason_changed"
    LEFT_OVER = "left_over"
    REFUSED = "refused"
    CONTINUED = "continued"


def kind_of(name: str) -> str:
    """What an action of this name does: its verb, such as `open` or `patch`."""
    return name.partition(":")[0]


def target_of(name: str) -> str:
    """Where an action of this name is done: a tracker's name, or the status that a patch sets. May be empty."""
    return name.partition(":")[2].partition(":")[0]


def tracker_of(name: str) -> str:
    """The tracker in which an action of this name is done; empty for what is done elsewhere, and for a whole look."""
    return "" if kind_of(name) == SetStatus.verb else target_of(name)


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
    """Open (or find) the case's ticket in a tracker; `follows` is the id of the closed one whose place it takes."""

    verb = "open"
    why: Why
    follows: str | None = None


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
class RaiseTicket(_OnTicket):
    """Make a ticket more urgent because its finding is worse: `fields` are those that are still ours.

    People are told by a comment, which is an action of its own: a tracker may refuse the fields.
    """

    verb = "raise"
    severity: Severity
    fields: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class CommentOnTicket(_OnTicket):
    """Tell the people on a ticket what happened, without changing its state. `fact` is the detail that is told."""

    verb = "comment"
    why: Why
    fact: str = ""

    @property
    def name(self) -> str:
        """The action's stable name within its case."""
        return f"{self.verb}:{self.tracker}:{self.why}"

    @property
    def token(self) -> str:
        """What is told where: a fact is told once for as long as it holds."""
        return f"{self.tracker}/{self.why}={self.fact}"


@dataclass(frozen=True, slots=True)
class CloseDuplicate(_OnTicket):
    """Close a second ticket of the case, in favour of the oldest."""

    verb = "duplicate"
    ticket_id: str


@dataclass(frozen=True, slots=True)
class SetStatus:
    """Set the subject's status at its source, with a note. `until` is when an accepted risk ends; None for never."""

    verb: ClassVar[str] = "patch"
    status: Literal[Status.REVIEWING, Status.RESOLVED, Status.ACCEPTED_RISK]
    why: Why
    reason: Reason | None = None
    until: datetime | None = None

    @property
    def name(self) -> str:
        """The action's stable name within its case."""
        return f"{self.verb}:{self.status}"


Action = OpenTicket | ResolveTicket | ReopenTicket | RaiseTicket | CommentOnTicket | CloseDuplicate | SetStatus
Plan = tuple[Action, ...]
