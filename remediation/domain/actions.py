"""The steps of a plan, as values. Each has a stable name within its case, under which it is parked and repeated."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import ClassVar, Literal

from remediation.domain.status import Severity, Status
from remediation.domain.tickets import Reason


class Why(StrEnum):
    """The cause of an action. It selects the text of notes and comments."""

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
    INCIDENT_CHANGED = "incident_changed"
    RULE_CHANGED = "rule_changed"
    RISK_UNEXPLAINED = "risk_unexplained"
    RISK_STILL_ACCEPTED = "risk_still_accepted"
    RISK_EXPIRED = "risk_expired"
    KEPT_OPEN = "kept_open"
    REASON_CHANGED = "reason_changed"
    LEFT_OVER = "left_over"
    REFUSED = "refused"
    VERIFYING = "verifying"
    STILL_FOUND = "still_found"
    UNVERIFIED = "unverified"
    CONTINUED = "continued"
    RELATED = "related"
    LISTED = "listed"
    REPORTED = "reported"


class Verb(StrEnum):
    """What an action does. READ names the reading of a ticket, which is parked where the tracker refuses it."""

    OPEN = "open"
    RESOLVE = "resolve"
    REOPEN = "reopen"
    RAISE = "raise"
    COMMENT = "comment"
    RELATE = "relate"
    LIST = "list"
    ATTACH = "attach"
    DUPLICATE = "duplicate"
    PATCH = "patch"
    READ = "read"


BRINGS_BACK = frozenset({Verb.OPEN, Verb.REOPEN})
"""The verbs after which the case has an active ticket in the tracker."""


@dataclass(frozen=True, slots=True)
class ActionName:
    """The name of an action within its case, under which it is remembered, parked and repeated.

    `tracker` is where the action is done; it is empty for an action at the source and for a look as a whole. `detail`
    distinguishes actions with the same verb and tracker: the cause of a comment, or the status that is set. A verb
    that is no member of Verb names a look as a whole, or was written by a later version.
    """

    verb: str
    tracker: str = ""
    detail: str = ""

    @classmethod
    def parse(cls, text: str) -> "ActionName":
        """Returns the name for its text: `open:jira`, `comment:jira:conflict`, `patch:resolved`, `look`."""
        verb, _, rest = text.partition(":")
        if verb == Verb.PATCH:
            return cls(verb, detail=rest)
        tracker, _, detail = rest.partition(":")
        return cls(verb, tracker, detail)

    def __str__(self) -> str:
        """The name as it is stored, and as people write it."""
        return ":".join(part for part in (self.verb, self.tracker, self.detail) if part)

    @property
    def target(self) -> str:
        """The tracker in which the action is done; where there is none, the status that it sets."""
        return self.tracker or self.detail


@dataclass(frozen=True, slots=True)
class _OnTicket:
    """An action on the case's ticket in one tracker."""

    verb: ClassVar[Verb]
    tracker: str

    @property
    def name(self) -> ActionName:
        """The action's stable name within its case."""
        return ActionName(self.verb, self.tracker)


@dataclass(frozen=True, slots=True)
class OpenTicket(_OnTicket):
    """Open (or find) the case's ticket in a tracker; `follows` is the id of the closed ticket that it replaces."""

    verb = Verb.OPEN
    why: Why
    follows: str | None = None


@dataclass(frozen=True, slots=True)
class ResolveTicket(_OnTicket):
    """Bring an active ticket to done."""

    verb = Verb.RESOLVE
    reason: Reason
    why: Why


@dataclass(frozen=True, slots=True)
class ReopenTicket(_OnTicket):
    """Bring a done ticket back to work."""

    verb = Verb.REOPEN
    why: Why


@dataclass(frozen=True, slots=True)
class RaiseTicket(_OnTicket):
    """Make a ticket more urgent because its subject is more severe than before.

    `fields` are the fields to write, without those that a person has changed since we wrote them. The comment that
    tells people of it is an action of its own, because a tracker may refuse the fields.
    """

    verb = Verb.RAISE
    severity: Severity
    fields: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class KeepList(_OnTicket):
    """Bring the list of the case's findings in a ticket up to date; `digest` stands for the list (see MemberList)."""

    verb = Verb.LIST
    digest: str


@dataclass(frozen=True, slots=True)
class AttachReport(_OnTicket):
    """Have a scan's compliance report attached to its ticket; `report` is the report's id at SchoolScan."""

    verb = Verb.ATTACH
    report: str

    def token(self, ticket_id: str) -> str:
        """Returns what stands for the report on the ticket of this id in what is remembered."""
        return f"{self.report}@{ticket_id}"


@dataclass(frozen=True, slots=True)
class CommentOnTicket(_OnTicket):
    """Write a comment on a ticket, without changing its state. `fact` is the detail that the comment states."""

    verb = Verb.COMMENT
    why: Why
    fact: str = ""

    @property
    def name(self) -> ActionName:
        """The action's stable name within its case."""
        return ActionName(self.verb, self.tracker, self.why)

    @property
    def token(self) -> str:
        """What is told, and in which tracker. The same token is told once for as long as its fact holds."""
        return f"{self.tracker}/{self.why}={self.fact}"


@dataclass(frozen=True, slots=True)
class RelateTicket(_OnTicket):
    """Say on an incident's ticket that a finding's ticket belongs to it, without changing anything else.

    `case` is the last part of the reference of the finding's case. `ticket_id` is the incident's ticket, and `other`
    the id of the finding's, in the tracker `there`.
    """

    verb = Verb.RELATE
    case: str
    ticket_id: str
    there: str
    other: str

    @property
    def name(self) -> ActionName:
        """The action's stable name within its case."""
        return ActionName(self.verb, self.tracker, self.case)

    @property
    def token(self) -> str:
        """Which ticket is told of which other one. It is told once, and holds for good."""
        return f"{self.tracker}/{Why.RELATED}={self.ticket_id}+{self.other}"


@dataclass(frozen=True, slots=True)
class CloseDuplicate(_OnTicket):
    """Close a second ticket of the case, in favour of the oldest."""

    verb = Verb.DUPLICATE
    ticket_id: str


@dataclass(frozen=True, slots=True)
class SetStatus:
    """Set the subject's status at its source, with a note. `until` is when an accepted risk ends; None for never.

    `claim` stands for the closings that a scan is to verify (see verification.claim_of), and `fact` is what the note
    states of that: the scan that has a result, why there is none, or how many had none. Each is empty for none.
    """

    verb: ClassVar[Verb] = Verb.PATCH
    status: Literal[Status.REVIEWING, Status.RESOLVED, Status.ACCEPTED_RISK]
    why: Why
    reason: Reason | None = None
    until: datetime | None = None
    claim: str = ""
    fact: str = ""

    @property
    def name(self) -> ActionName:
        """The action's stable name within its case."""
        return ActionName(self.verb, detail=self.status)


Action = (
    OpenTicket
    | ResolveTicket
    | ReopenTicket
    | RaiseTicket
    | CommentOnTicket
    | RelateTicket
    | KeepList
    | AttachReport
    | CloseDuplicate
    | SetStatus
)
Plan = tuple[Action, ...]
