"""The protocols that jobs need. Adapters fulfil them; one contract suite per protocol holds every adapter to it."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from remediation.domain.actions import SetStatus, Why
from remediation.domain.cases import CaseKey, CaseKind, Link
from remediation.domain.identities import Identity
from remediation.domain.ownership import Ground, Site
from remediation.domain.policy import Policy
from remediation.domain.status import Status
from remediation.domain.subjects import Subject
from remediation.domain.tickets import ChangePage, Draft, Reason, Ticket
from remediation.mapping.config.schema import Mappings
from remediation.mapping.explain.inspections import Inspection

SourceKey = tuple[str, CaseKind]
"""The key of a source: its district, and the kind of cases that come from it."""


@dataclass(frozen=True, slots=True)
class SubjectPage:
    """One page of a source's list. `cursor` goes into the next call; None says that this is the last page.

    `left_out` members have no usable id (see outside_id): nothing can be done about them.
    """

    subjects: tuple[Subject, ...]
    cursor: str | None
    left_out: int = 0


class Source(Protocol):
    """Where the subjects of cases come from and where their status is written back.

    Every method raises TryLater or Refused, and nothing of its library's own. NotFound, a kind of Refused, says that
    the subject surely does not exist: a case that we know counts as gone then.
    """

    async def subject(self, key: CaseKey) -> Subject:
        """The subject of this case as it is now."""
        ...

    async def set_status(self, key: CaseKey, status: Status, note: str) -> None:
        """Set the status to reviewing, resolved or accepted_risk, with the note for the source's audit trail."""
        ...


class Listing(Protocol):
    """A source that can be read as a list, which has every subject at least once. Raises what a Source raises."""

    async def page(self, filters: Mapping[str, str], cursor: str | None) -> SubjectPage:
        """One page of the list. `filters` are the source's own; SchoolScan: scan_id, severity, status, domain_type."""
        ...


class ListedSource(Source, Listing, Protocol):
    """One district's account at a source, used as both."""


class Tracker(Protocol):
    """A configured ServiceNow or Jira instance.

    Every method raises TryLater or Refused, and nothing of its library's own; each call ends within the tracker's
    configured time limits. Texts are plain: the adapter escapes and cuts them.
    """

    @property
    def name(self) -> str:
        """The tracker's name in mappings.yaml."""
        ...

    @property
    def search_horizon(self) -> timedelta:
        """How long a ticket may exist before `find` sees it, including the duration of the request."""
        ...

    async def create(self, draft: Draft) -> Ticket:
        """Open one ticket, with its correlation mark in the same request.

        The request is never repeated here. Raises TryLater(ambiguous=True) when the ticket may exist all the same.
        """
        ...

    async def read(self, ticket_id: str, *, closed: bool = False) -> Ticket:
        """The ticket as it is now, read by id and not by search. A deleted one comes back with state GONE.

        `closed` says that it was done when it was last seen: then one request is enough to tell who closed it.
        """
        ...

    async def find(self, mark: str, place: str) -> tuple[Ticket, ...]:
        """Every ticket that carries exactly this mark, oldest first. May lag by `search_horizon`.

        A mark may be anybody's: each says where it is and who opened it. `place` is where the rule would open it (a
        ServiceNow table, beside which those are searched that mappings.yaml names as former ones); Jira searches
        everywhere.
        """
        ...

    async def resolve(
        self, ticket_id: str, reason: Reason, comment: str, fields: Mapping[str, object] | None = None
    ) -> Ticket:
        """Bring the ticket to done by steps its workflow allows, with the comment. Done already: nothing is written.

        `fields` are the tracker's own names and values for what closing a ticket demands there besides a reason.
        """
        ...

    async def reopen(self, ticket_id: str, comment: str) -> Ticket:
        """Bring a done ticket back to open, with the comment. Open already: nothing is written."""
        ...

    async def raise_urgency(self, ticket_id: str, fields: Mapping[str, str]) -> Ticket:
        """Write these fields, named and written as in `Ticket.urgency`. Raises Refused where one was not taken."""
        ...

    async def comment(self, ticket_id: str, text: str) -> None:
        """Add a comment (ServiceNow: a work note). Raises Refused where the tracker shows that it dropped it."""
        ...

    async def closing_words(self, ticket_id: str) -> str | None:
        """The last text of the person who closed the ticket, unchanged; None where only we wrote there."""
        ...

    async def closer_name(self, ticket_id: str) -> str | None:
        """The name under which the tracker shows its users who closed the ticket; None where it shows none."""
        ...

    def cursor_at(self, moment: datetime) -> str:
        """The cursor of a list of all changes since `moment`, however long ago that is. Makes no request."""
        ...

    def former_places(self, linked: Collection[str]) -> tuple[str, ...]:
        """Where tickets of ours may be besides where new ones go: each place has a list of changes of its own.

        `linked` are the places that the ids of linked tickets name. Of a tracker with one list for all, none.
        """
        ...

    async def changes(self, cursor: str | None, now: datetime, place: str = "") -> ChangePage:
        """Tickets of ours that changed since `cursor`, with an overlap: a change may come twice, and is never left out.

        Without a cursor the list starts a few minutes before `now`. A change has the version that `read` shows. The
        list is that of a former `place`, or else that of the place of new tickets.
        """
        ...

    async def whoami(self) -> str:
        """The account we are signed in as (for `remedy doctor`)."""
        ...

    async def accounts(self) -> Collection[str]:
        """Every account that opens tickets for us, or did so before, as in `Ticket.opened_by`.

        Empty where the tracker does not tell who we are: then nobody can say who opened a ticket.
        """
        ...

    async def site(self) -> Site:
        """The site of the tracker: links are to its numbers. Needs no right beyond those of an ordinary account."""
        ...

    async def close(self) -> None:
        """Close connections and threads."""
        ...


class Inspector(Protocol):
    """Asks a tracker, or an account at SchoolScan, whether it is as mappings.yaml says. Sends only what reads."""

    async def inspect(self, mappings: Mappings) -> tuple[Inspection, ...]:
        """Every question that the file raises about this system, with its answer. Raises no error from outside."""
        ...

    async def close(self) -> None:
        """Close connections and threads."""
        ...


class Links(Protocol):
    """The ticket that belongs to the case in hand, and the one that is about to be opened.

    Every write checks the lease.
    """

    async def hold(self) -> None:
        """Verify that the lease is still held, just before a write that must not come late. Raises LeaseLost."""
        ...

    async def intend(self, tracker: str, now: float, place: str = "") -> None:
        """Store durably that a create is about to be sent, when (Unix seconds) and to which place. Raises LeaseLost."""
        ...

    async def link(self, ticket: Ticket) -> Link:
        """Store the link and delete the intent. Raises LeaseLost."""
        ...

    async def unlink(self, tracker: str) -> None:
        """Delete the link to a ticket that is gone, and any intent. Raises LeaseLost."""
        ...

    async def disown(self, link: Link, *, replaced: bool) -> None:
        """Delete the link to a ticket that is not the case's, and any intent. Raises LeaseLost.

        With `replaced`, another ticket is linked next; until then a look must search for it.
        """
        ...


class Ruling(Protocol):
    """What the rules say about one subject at one moment. Pure; the rules were matched when it was made.

    Of a moment that a text tells, `now` is the one at which it is written.
    """

    @property
    def policy(self) -> Policy:
        """The policy for the subject."""
        ...

    def urgency(self, tracker: str) -> Mapping[str, str]:
        """How urgent the subject's ticket is to be, as in `Ticket.urgency`; empty where no rule says."""
        ...

    def closing_fields(self, tracker: str) -> Mapping[str, object]:
        """The fields that the rule sets when we close the ticket there, by the tracker's own names."""
        ...

    def place(self, tracker: str) -> str | None:
        """Where in the tracker to look for its ticket (a Jira project, a ServiceNow table); None: nowhere."""
        ...

    def draft(self, tracker: str, follows: Ticket | None = None) -> Draft:
        """The ticket to open; `follows` is the closed one whose place it takes."""
        ...

    def note(self, change: SetStatus, tickets: tuple[Ticket, ...], now: datetime, words: str = "") -> str:
        """The audit note that goes with a change of the subject's status: what, which tickets, who decided, why, when.

        `words` are people's own, scrubbed and cut.
        """
        ...

    def comment(self, why: Why, ticket: Ticket, now: datetime, fact: str = "") -> str:
        """The comment for a ticket's readers.

        For a duplicate, `ticket` is the one that stays; for a replaced one, the one that follows it.
        """
        ...


class Rulebook(Protocol):
    """The rules of mappings.yaml. Pure."""

    def ruling(self, subject: Subject, at: datetime, known: str = "", said: Policy | None = None) -> Ruling:
        """The ruling on this subject at this moment (rules may ask for its age). Called once in a look.

        `known` is the name of the rule that counted at the last look, and `said` what it said then. Where no rule takes
        the subject (any more), that rule still says how existing tickets are kept in step; it asks for no new ones.
        Where no rule ever took it, `defaults` say so.
        """
        ...

    @property
    def former_names(self) -> Mapping[str, str]:
        """The former names of trackers, each with the present one."""
        ...

    def identity(self, district: str) -> Identity | None:
        """The district's identity, where its findings' ids do not last; otherwise None."""
        ...

    def names(self, district: str) -> bool:
        """Whether there is such a district: without it, nothing can be decided about its cases."""
        ...

    def concerns(self, district: str, tracker: str) -> bool:
        """Whether a rule may send findings of this district to this tracker: a mark of any other there is not ours."""
        ...

    def beside(self, tracker: str) -> tuple[str, ...]:
        """The other trackers of the file on the same installation: tickets that are found there may be theirs."""
        ...

    def ground(self, district: str, ticket: Ticket) -> Ground:
        """Whose tickets the rules open in the place of this ticket, as this district sees it."""
        ...
