"""A ticket in a tracker, in our words. An adapter maps its tracker's own states and resolutions to these."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum


class TicketState(StrEnum):
    """The state of a ticket in our words."""

    OPEN = "open"
    IN_PROGRESS = "in_progress"
    DONE = "done"
    GONE = "gone"

    @property
    def is_active(self) -> bool:
        """Whether somebody is expected to work on it."""
        return self is TicketState.OPEN or self is TicketState.IN_PROGRESS


class Reason(StrEnum):
    """Why a ticket is done. NONE: no reason was given. UNKNOWN: a word that mappings.yaml maps to no reason."""

    FIXED = "fixed"
    ACCEPTED_RISK = "accepted_risk"
    FALSE_POSITIVE = "false_positive"
    DUPLICATE = "duplicate"
    CANCELLED = "cancelled"
    NOT_SOLVED = "not_solved"
    NONE = "none"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Risk:
    """What a ticket states about a risk that it accepts, where its tracker has fields for that.

    `reason` is a text that people wrote. `until` is the end of the acceptance. Where it is None, `is_unread` is true if
    the field has a text that states no time, and `is_untold` if the tracker did not show the field: then the end is
    unknown.
    """

    reason: str | None = field(default=None, repr=False)
    until: datetime | None = None
    is_unread: bool = False
    is_untold: bool = False


@dataclass(frozen=True, slots=True)
class Ticket:
    """A ticket as its tracker showed it at one moment.

    `id` is opaque and stable (a Jira issue's id survives a move to another project; for ServiceNow it is
    `table/sys_id`); `key` is what people call it (`SEC-12`, `INC0010001`); `url` opens it in a browser. `mark` is the
    correlation mark it carries. `closed_by` is an account id, and `closer` how notes name that account: a login or a
    role, never a display name. `reason` is None unless the state is DONE. `version` changes with every change of the
    ticket, and is the same in a list of changes; it is empty where an answer did not contain it.

    `word` is the tracker's own word for the reason. It is empty where there is none, or where the state alone is the
    reason; a ticket that is not done has the word of its last closing. `is_left_over` is true for a done ticket that
    still has the word of its last closing, so that whoever closed it has not chosen a word.

    `meant_for` is the name of the tracker for which the ticket was created, as the ticket states it: several trackers
    may be on one installation. It is empty where the ticket states none.

    `final` is true for a done ticket that its tracker cannot reopen. `urgency` has the fields that say how urgent it
    is, by the tracker's own names and as its API writes them (`priority`, `duedate`; `impact`, `urgency`, `due_date`);
    a date or time begins with its year, and an empty field is absent. `risk` is None unless the reason is
    ACCEPTED_RISK. `not_kept` names the fields that were sent to create the ticket and are not in the tracker's answer.

    `place` is where it is: a Jira project's key or a ServiceNow table. `opened_by` is the account that created it, in
    the form of `Tracker.accounts`: empty where nobody was signed in, None where the tracker does not state it.
    """

    tracker: str
    id: str
    key: str
    url: str
    state: TicketState
    reason: Reason | None = None
    mark: str | None = None
    closed_by: str | None = None
    closed_at: datetime | None = None
    created_at: datetime | None = None
    updated_at: datetime | None = None
    version: str = ""
    final: bool = False
    urgency: Mapping[str, str] = field(default_factory=dict)
    risk: Risk | None = None
    not_kept: tuple[str, ...] = ()
    closer: str | None = None
    word: str = ""
    is_left_over: bool = False
    place: str = ""
    opened_by: str | None = None
    meant_for: str = ""

    @property
    def closed_as(self) -> str:
        """Why it is done, in one line: the reason, with the tracker's word where the reason alone is not clear."""
        if self.is_left_over:
            return f"left_over: {self.word}"
        reason = self.reason or ""
        return f"{reason}: {self.word}" if self.reason is Reason.UNKNOWN and self.word else reason


def place_in(ticket_id: str) -> str:
    """Returns the place that a ticket's id names: a ServiceNow table; empty where it names none."""
    return ticket_id.rpartition("/")[0]


@dataclass(frozen=True, slots=True)
class MemberList:
    """The findings of a case that has several, as its tickets list them: a line each, and one that sums them up."""

    head: str
    lines: tuple[str, ...] = field(repr=False)

    @property
    def digest(self) -> str:
        """Stands for the list in what is remembered."""
        return hashlib.sha256("\n".join((self.head, *self.lines)).encode()).hexdigest()[:16]


LEFT_ALONE = "-"
"""What is remembered in place of the digest of a list that a person has changed: it is not written again."""


@dataclass(frozen=True, slots=True)
class Draft:
    """A ticket that does not exist yet. `fields` are the tracker's own field names and values, as the rule wrote them.

    `place` is a Jira project key or a ServiceNow table; `type` is a Jira issue type's name (unused by ServiceNow).
    `summary` and `body` are plain text: the adapter escapes them for its tracker and cuts them to its limits. `link` is
    the case's own page for people, for trackers that keep links beside the text. `follows` is the id of the closed
    ticket that this one replaces: the adapter links the two where its tracker can. `members` stands below the body, cut
    to what the tracker has room for.
    """

    mark: str
    place: str
    summary: str = field(repr=False)
    body: str = field(repr=False)
    type: str | None = None
    labels: tuple[str, ...] = ()
    fields: Mapping[str, object] = field(default_factory=dict, repr=False)
    link: str | None = field(default=None, repr=False)
    follows: str | None = None
    members: MemberList | None = None


_OPENING = timedelta(seconds=5)
"""How long after its creation a ticket may change and still count as it was opened: links follow a create at once, and
change it, too."""


def is_as_opened(created: datetime | None, updated: datetime | None) -> bool:
    """Whether a ticket was last changed while it was opened. A time that is not known says no."""
    return created is not None and updated is not None and created <= updated <= created + _OPENING


@dataclass(frozen=True, slots=True)
class TicketChange:
    """One ticket in a tracker's list of changes: enough to know which case to look at.

    `meant_for` is as in `Ticket`, and may be empty where a list does not state it. `opened_as` is the key of a ticket
    that is still as it was opened: active, and last changed then; empty for others, and where a list does not tell.
    """

    ticket_id: str
    mark: str | None
    version: str = ""
    meant_for: str = ""
    opened_as: str = ""


@dataclass(frozen=True, slots=True)
class ChangePage:
    """One page of changes. `cursor` is opaque and goes into the next call; `more` is true while pages remain.

    Where the cursor is lost, a list that begins anew with `since` misses no change; None where that is not known.
    """

    changes: tuple[TicketChange, ...]
    cursor: str = field(repr=False)
    more: bool = False
    since: datetime | None = None
