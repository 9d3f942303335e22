"""The protocols that jobs need. One contract suite for each protocol tests every adapter that fulfils it."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

from remediation.domain.actions import SetStatus, Why
from remediation.domain.cases.identities import Identity
from remediation.domain.cases.records import CaseKey, CaseKind, CaseRecord, Link
from remediation.domain.cases.relations import Vicinity
from remediation.domain.errors import TryLater
from remediation.domain.incidents import Incident, IncidentFlaw
from remediation.domain.ownership import Ground, Site
from remediation.domain.policy import Policy
from remediation.domain.reports import ReportFile, SummaryTerms
from remediation.domain.status import Severity, Status
from remediation.domain.subjects import Subject
from remediation.domain.tickets import ChangePage, Draft, MemberList, Reason, Ticket
from remediation.domain.walks import FeedWalk, Timetable
from remediation.mapping.config.schema import Mappings
from remediation.mapping.explain.inspections import Inspection

SourceKey = tuple[str, CaseKind]
"""The key of a source: its district, and the kind of cases that come from it."""


@dataclass(frozen=True, slots=True)
class SubjectPage:
    """One page of a source's list. `cursor` goes into the next call; None means that this is the last page.

    `left_out` counts members that are in no page: without a usable id (see outside_id), or in an unreadable row.
    """

    subjects: tuple[Subject, ...]
    cursor: str | None
    left_out: int = 0


class Source(Protocol):
    """The system that has the subjects of cases, and to which their status is written back.

    Every method raises TryLater or Refused, and no exception of its library. NotFound, a kind of Refused, means that
    the subject does not exist for certain.
    """

    async def subject(self, key: CaseKey) -> Subject:
        """Returns the subject of this case as it is now."""
        ...

    async def set_status(self, key: CaseKey, status: Status, note: str) -> None:
        """Set the status to reviewing, resolved or accepted_risk, with the note for the source's audit trail."""
        ...


class Listing(Protocol):
    """A source that can be read as a list, with every subject at least once. Raises what a Source raises."""

    async def page(self, filters: Mapping[str, str], cursor: str | None) -> SubjectPage:
        """Returns one page of the list. `filters` are the source's own (SchoolScan: see findings_page)."""
        ...


class ListedSource(Source, Listing, Protocol):
    """One district's account at a source, with both protocols."""


@dataclass(frozen=True, slots=True)
class IncidentPage:
    """A page of a feed of incidents. `pages` is how many there are. `trouble` says why it is not whole, if so.

    `flaws` counts its incidents by what could not be read in them. `version`, empty where there are none, tells the
    feed what is known when the page is asked for again: one that is still the same comes without incidents.
    """

    incidents: tuple[Incident, ...]
    pages: int
    flaws: Mapping[IncidentFlaw, int] = field(default_factory=dict)
    version: str = ""
    trouble: TryLater | None = None


class WalkedFeed(Protocol):
    """A feed of incidents, which can only be read."""

    @property
    def name(self) -> str:
        """Its name everywhere: `district/feed`, by their names in mappings.yaml."""
        ...

    @property
    def district(self) -> str:
        """Whose incidents it shows."""
        ...

    @property
    def timetable(self) -> Timetable:
        """When it is read, and in which time zone its days begin."""
        ...

    @property
    def account(self) -> str:
        """Tells whose incidents it shows, and from where. Made of the token: kept nowhere as it is."""
        ...

    async def page(self, walk: FeedWalk, version: str = "", *, in_part: bool = False) -> IncidentPage:
        """Returns the walk's next page, of which this `version` is known.

        Raises TryLater or Refused; TryLater, too, where not all of the page came. With `in_part`, what is whole of such
        a page is returned, where the answer has come to its end: then it may come no other way.
        """
        ...


class Tracker(Protocol):
    """A configured ServiceNow or Jira instance.

    Every method raises TryLater or Refused, and nothing of its library; each call ends within the configured time
    limits. Texts are plain text: the adapter escapes them and cuts them to the tracker's limits.
    """

    @property
    def name(self) -> str:
        """The tracker's name in mappings.yaml."""
        ...

    @property
    def address(self) -> str:
        """The tracker's address in mappings.yaml, without a slash at its end: nobody is asked for it."""
        ...

    @property
    def search_horizon(self) -> timedelta:
        """How long a ticket may exist before `find` sees it, including the duration of the request."""
        ...

    async def create(self, draft: Draft) -> Ticket:
        """Open one ticket, with its mark in the same request, which is never repeated.

        Raises TryLater(ambiguous=True) where the ticket may exist nevertheless.
        """
        ...

    async def read(self, ticket_id: str, *, closed: bool = False) -> Ticket:
        """Returns the ticket as it is now, read by id and not by search. A deleted one has the state GONE.

        `closed` is true where it was done when it was last read: then the adapter reads in one request who closed it.
        """
        ...

    async def find(self, mark: str, place: str) -> tuple[Ticket, ...]:
        """Returns every ticket that carries exactly this mark, oldest first. It may lag by `search_horizon`.

        Each ticket states its place and who opened it, as anybody can write a mark. `place` is where the rule would
        open one: ServiceNow searches that table and former ones, Jira every project.
        """
        ...

    async def resolve(
        self, ticket_id: str, reason: Reason, comment: str, fields: Mapping[str, object] | None = None
    ) -> Ticket:
        """Bring the ticket to done by steps that its workflow allows, with the comment; returns it after that.

        Where it is done already, nothing is written. `fields` are demanded on closing, by the tracker's own names.
        """
        ...

    async def reopen(self, ticket_id: str, comment: str) -> Ticket:
        """Bring a done ticket back to open, with the comment; returns it after that. An open one is not changed."""
        ...

    async def raise_urgency(self, ticket_id: str, fields: Mapping[str, str]) -> Ticket:
        """Write these fields, which have the form of `Ticket.urgency`. Raises Refused where one was not stored."""
        ...

    async def keep_list(self, ticket_id: str, members: MemberList, *, known: bool) -> Ticket | None:
        """Bring the list of findings in the ticket's description up to date; returns the ticket after that.

        What stands around the list is not changed, and nothing is written where it is as it is to be. `known`: the
        ticket had a list before. Returns None, and writes nothing, where a person has changed or removed it. Raises
        Refused where the tracker did not store it.
        """
        ...

    async def keep_report(self, ticket_id: str, report: ReportFile) -> None:
        """Have the report of its scan attached to the ticket, once, in place of any that we attached before.

        What others attached is not touched. Raises Refused where the tracker does not take it.
        """
        ...

    async def comment(self, ticket_id: str, text: str) -> None:
        """Add a comment (ServiceNow: a work note). Raises Refused where the tracker did not store it."""
        ...

    async def relate(self, ticket_id: str, other: Link, text: str) -> None:
        """Say on this ticket that a ticket of another case, here or in another tracker, belongs to it.

        That is a link where there is one for it, and otherwise `text` as a comment. Of the other ticket, its key and
        address are told, and of this one nothing, unless the tracker shows a link at both ends. What is said already is
        not written again. Raises Refused where there is no such link, or our account may not make one.
        """
        ...

    async def closing_words(self, ticket_id: str) -> str | None:
        """Returns the last text of the person who closed the ticket, unchanged; None where only we wrote texts."""
        ...

    async def closer_name(self, ticket_id: str) -> str | None:
        """Returns the display name of the person who closed the ticket; None where the tracker shows none."""
        ...

    def cursor_at(self, moment: datetime) -> str:
        """Returns the cursor of a list of all changes since `moment`, which may be any time ago. Makes no request."""
        ...

    def former_places(self, linked: Collection[str]) -> tuple[str, ...]:
        """Returns the places with tickets of ours besides the place for new ones. Each has its own list of changes.

        `linked` are the places in the ids of linked tickets. A tracker with one list for all has none.
        """
        ...

    async def changes(self, cursor: str | None, now: datetime, place: str = "") -> ChangePage:
        """Returns one page of the tickets of ours that changed since `cursor`.

        Pages overlap: a change may come twice, and is never left out. With an empty cursor the list starts a little
        before `now`. A change has the version that `read` shows. An empty `place` is the one for new tickets.
        """
        ...

    async def whoami(self) -> str:
        """Returns the account with which we are signed in (for `remedy doctor`)."""
        ...

    async def accounts(self) -> Collection[str]:
        """Returns our accounts, former ones too, as `Ticket.opened_by` has them; empty where none is stated."""
        ...

    async def site(self) -> Site:
        """Returns the site of the tracker (see ownership.Site). An ordinary account has the right to read it."""
        ...

    async def close(self) -> None:
        """Close connections and threads."""
        ...


class Inspector(Protocol):
    """Asks a tracker, or an account at SchoolScan, whether it is as mappings.yaml says. It only reads."""

    async def inspect(self, mappings: Mappings) -> tuple[Inspection, ...]:
        """Returns the answer to each question that the file raises about this system. Raises no OutsideError."""
        ...

    async def close(self) -> None:
        """Close connections and threads."""
        ...


class Links(Protocol):
    """Stores the links and intents of one case, for the look that has its lease. Every write checks the lease."""

    async def hold(self) -> None:
        """Verify that the lease is still held, just before a write to an outside system. Raises LeaseLost."""
        ...

    async def intend(self, tracker: str, now: float, place: str = "") -> None:
        """Store the intent of a create that is about to be sent at `now` (Unix seconds). Raises LeaseLost."""
        ...

    async def link(self, ticket: Ticket) -> Link:
        """Store the link and delete the intent. Raises LeaseLost."""
        ...

    async def unlink(self, tracker: str) -> None:
        """Delete the link to a ticket that is gone, and any intent. Raises LeaseLost."""
        ...

    async def disown(self, link: Link, *, replaced: bool) -> None:
        """Delete the link to a ticket that is not the case's, and any intent. Raises LeaseLost.

        `replaced`: another ticket is linked next; until then, a look must search for it.
        """
        ...


class Relations(Protocol):
    """Which cases are found at a site or a school on a day. Raises StoreUnavailable."""

    async def found(self, vicinity: Vicinity) -> tuple[CaseRecord, ...]:
        """Returns some of the cases with tickets at the other spots of this vicinity, always in the same order."""
        ...


class Ruling(Protocol):
    """What the rules that were matched say about one subject at one moment. `now` is when a text is written. Pure."""

    @property
    def policy(self) -> Policy:
        """The policy for the subject."""
        ...

    @property
    def severity(self) -> Severity:
        """How bad the subject is: a finding says so itself, of an incident its rule does."""
        ...

    @property
    def news(self) -> str:
        """What readers of its tickets may be told that changed since they were opened; empty where that is nothing."""
        ...

    @property
    def member_list(self) -> MemberList | None:
        """Returns the list of the subject's findings for its tickets; None where it has not several."""
        ...

    @property
    def vicinity(self) -> Vicinity | None:
        """Where others find the subject's case, and where those are that it may be related to; None for nowhere."""
        ...

    def urgency(self, tracker: str) -> Mapping[str, str]:
        """Returns the urgency of the subject's ticket, in the form of `Ticket.urgency`; empty where no rule sets it."""
        ...

    def closing_fields(self, tracker: str) -> Mapping[str, object]:
        """Returns the fields that the rule sets when we close the ticket, by the tracker's own names."""
        ...

    def place(self, tracker: str) -> str | None:
        """Returns the place in which to search for the ticket (a Jira project, a ServiceNow table); None for none."""
        ...

    def draft(self, tracker: str, follows: Ticket | None = None) -> Draft:
        """Returns the ticket to open; `follows` is the closed ticket that it replaces."""
        ...

    def note(self, change: SetStatus, tickets: tuple[Ticket, ...], now: datetime, words: str = "") -> str:
        """Returns the audit note for a change of status; `words` are people's own, redacted and cut to a length."""
        ...

    def comment(self, why: Why, ticket: Ticket, now: datetime, fact: str = "") -> str:
        """Returns a comment; on a duplicate, `ticket` is the one that stays, on a replaced one the one that follows."""
        ...


class Rulebook(Protocol):
    """The rules of mappings.yaml. Pure."""

    def ruling(self, subject: Subject, at: datetime, known: str = "", said: Policy | None = None) -> Ruling:
        """Returns the ruling on this subject at this moment (rules may test its age). A look calls it once.

        `known` is the name of the rule that counted at the last look, and `said` its policy then. Where no rule matches
        the subject (any more), that rule's policy still counts for existing tickets and wants no new ones. Where no
        rule ever matched, the policy is that of `defaults`. A case of a group keeps its rule while that rule groups.
        """
        ...

    @property
    def former_names(self) -> Mapping[str, str]:
        """The present name of a tracker by each of its former names."""
        ...

    def summary_terms(self, district: str) -> SummaryTerms | None:
        """Returns how scans are counted for their summaries, and how reports are made; None for no summaries."""
        ...

    def identity(self, district: str) -> Identity | None:
        """Returns how the district's findings are identified by content; None where their ids last."""
        ...

    def groups(self, district: str) -> bool:
        """Whether a rule may group findings of this district."""
        ...

    def group_of(self, subject: Subject, at: datetime) -> CaseKey | None:
        """Returns the first case of the finding's group; None where the rule that takes it does not group it."""
        ...

    def names(self, district: str) -> bool:
        """Whether the file names the district: without it, nothing can be decided about its cases."""
        ...

    def concerns(self, district: str, tracker: str) -> bool:
        """Whether a rule may open tickets for this district in this tracker."""
        ...

    def former_sites(self, tracker: str) -> Collection[str]:
        """The sites that the tracker was before, by their keys (see Site), and whose tickets are given up."""
        ...

    def beside(self, tracker: str) -> tuple[str, ...]:
        """Returns the other trackers on the same installation: a search in this one may find their tickets."""
        ...

    def ground(self, district: str, ticket: Ticket) -> Ground:
        """Returns whose tickets the rules open in the place of this ticket, for this district."""
        ...
