"""In-memory stand-ins for the protocols of remediation/ports.py, for clocks and for a terminal: tests need no wire.

The tracker is held to the suite that the real adapters pass (tests/contract/test_stand_in_tracker.py).
"""

import io
import json
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from remediation.domain.actions import SetStatus, Why
from remediation.domain.cases.groups import GroupField, group_of
from remediation.domain.cases.identities import Identity
from remediation.domain.cases.records import CaseKey, CaseKind, Link
from remediation.domain.cases.relations import Vicinity
from remediation.domain.errors import LeaseLost, NotFound, Refused
from remediation.domain.findings import Finding, Report, ReportFormat, ReportStatus
from remediation.domain.incidents import Incident
from remediation.domain.outside_words import ReviewOutcome
from remediation.domain.ownership import Ground, Site
from remediation.domain.policy import Policy
from remediation.domain.reports import Attached, ReportFile, SummaryTerms, is_attached, superseded
from remediation.domain.status import Severity, Status
from remediation.domain.subjects import Subject
from remediation.domain.tickets import ChangePage, Draft, MemberList, Reason, Risk, Ticket, TicketChange, TicketState
from remediation.ports import ListedSource, Ruling, SourceKey
from remediation.sources.schoolscan.downloads import Write
from remediation.sources.schoolscan.pages import FindingsPage
from remediation.sources.schoolscan.source import FindingSource
from remediation.store.cases.rows import link_of
from remediation.trackers.lists import with_list

LATER = datetime(9000, 1, 1, tzinfo=UTC)
"""When a finding was detected, if no ticket of it can have been forgotten: after any store began."""

URGENCY = frozenset({"priority", "duedate"})
"""The fields of a draft that tell how urgent its ticket is."""

LONGEST_TEXT = 30_000
PAGE = 50


class Troubles:
    """What is to go wrong: errors by the name of the call, each raised once, in order; `for_good` every time."""

    def __init__(self) -> None:
        self._once: dict[str, list[Exception]] = {}
        self._for_good: dict[str, Exception] = {}
        self.calls: list[str] = []

    def once(self, call: str, *errors: Exception) -> None:
        """The next calls of this name raise these."""
        self._once.setdefault(call, []).extend(errors)

    def for_good(self, call: str, error: Exception) -> None:
        """Every call of this name raises this, until `heal`."""
        self._for_good[call] = error

    def heal(self) -> None:
        """All is well again."""
        self._once.clear()
        self._for_good.clear()

    def meet(self, call: str) -> None:
        """Note the call, and raise what was ordered for it."""
        self.calls.append(call)
        if waiting := self._once.get(call):
            raise waiting.pop(0)
        if call in self._for_good:
            raise self._for_good[call]


@dataclass(slots=True)
class Kept:
    """A ticket as the stand-in keeps it."""

    ticket: Ticket
    draft: Draft
    comments: list[str] = field(default_factory=list)
    related: dict[str, Link] = field(default_factory=dict)
    description: str = ""
    changes: int = 0
    closing_fields: dict[str, object] = field(default_factory=dict)
    closing_words: str | None = None
    closer_name: str | None = None
    attached: list[Attached] = field(default_factory=list)


class MemoryReports:
    """The reports of a district's account. Each is PENDING until it is finished, and says `content`."""

    def __init__(self) -> None:
        self.troubles = Troubles()
        self.kept: dict[str, Report] = {}
        self.asked: list[tuple[str, ReportFormat]] = []
        self.content = b"%PDF ZZPII-report"

    async def generate_report(self, scan_id: str, form: ReportFormat) -> Report:
        self.troubles.meet("generate_report")
        self.asked.append((scan_id, form))
        report = Report(f"rep_{len(self.asked)}", ReportStatus.PENDING)
        self.kept[report.id] = report
        return report

    async def report(self, report_id: str) -> Report:
        self.troubles.meet("report")
        if report_id not in self.kept:
            raise NotFound("schoolscan:lakeside", "no such report", status=404)
        return self.kept[report_id]

    async def fetch_report(self, report_id: str, write: Write, largest: int) -> int:
        self.troubles.meet("fetch_report")
        await self.report(report_id)
        if len(self.content) > largest:
            raise Refused("schoolscan:lakeside", "the report's file is too large")
        write(self.content)
        return len(self.content)

    def finish(self, status: ReportStatus = ReportStatus.READY) -> None:
        """Every report has come to this end."""
        self.kept = {name: replace(each, status=status) for name, each in self.kept.items()}


class MemoryTracker:
    """A Tracker. `lag` is how many seconds a search stays behind; `clock` answers Unix seconds.

    Orders under the name `create` are met before anything is kept, under `created` after it: a lost reply. One that
    `keeps_words` leaves the word for the reason in a ticket that is opened again; `words` has how our closing for a
    reason reads, and the word for it, where it is not the reason itself. One that `finds_everywhere` searches all
    places, as a Jira does.
    """

    def __init__(
        self,
        name: str,
        clock: Callable[[], float],
        *,
        lag: float = 0.0,
        horizon: float = 10.0,
        address: str = "https://tracker.example",
    ) -> None:
        self.troubles = Troubles()
        self.books: dict[str, Kept] = {}
        self.files: dict[str, bytes] = {}
        self.closed = self.keeps_words = self.finds_everywhere = False
        self.site_id = ""
        self.words: dict[Reason, tuple[Reason, str]] = {}
        self._name, self._clock, self.lag, self._address = name, clock, lag, address
        self._horizon = timedelta(seconds=horizon)
        self._edits = 0

    @property
    def name(self) -> str:
        return self._name

    @property
    def address(self) -> str:
        return self._address

    @property
    def search_horizon(self) -> timedelta:
        return self._horizon

    async def create(self, draft: Draft) -> Ticket:
        self._check(draft.mark, of_a_mark=True)
        self.troubles.meet("create")
        ticket = self.keep(draft)
        self.troubles.meet("created")
        return ticket

    async def read(self, ticket_id: str, *, closed: bool = False) -> Ticket:
        del closed
        self._check(ticket_id)
        self.troubles.meet("read")
        kept = self.books.get(ticket_id)
        if kept is None:
            return Ticket(self._name, ticket_id, ticket_id, self._address, TicketState.GONE)
        return kept.ticket

    async def find(self, mark: str, place: str) -> tuple[Ticket, ...]:
        self._check(mark, of_a_mark=True)
        self.troubles.meet("find")
        marked = (kept for kept in self.books.values() if kept.ticket.mark == mark)
        here = (kept for kept in marked if self.finds_everywhere or kept.draft.place == place)
        return tuple(kept.ticket for kept in here if self._is_searchable(kept.ticket))

    async def resolve(
        self, ticket_id: str, reason: Reason, comment: str, fields: Mapping[str, object] | None = None
    ) -> Ticket:
        kept = self._kept(ticket_id)
        self.troubles.meet("resolve")
        if kept.ticket.state is TicketState.DONE:
            return kept.ticket
        kept.comments.append(comment[:LONGEST_TEXT])
        kept.closing_fields = dict(fields or {})
        read, word = self.words.get(reason, (reason, ""))
        return self.change(ticket_id, TicketState.DONE, read, by="svc-remedy", word=word)

    async def reopen(self, ticket_id: str, comment: str) -> Ticket:
        kept = self._kept(ticket_id)
        self.troubles.meet("reopen")
        if kept.ticket.state.is_active:
            return kept.ticket
        if kept.ticket.final:
            raise Refused(self._name, "this ticket is closed for good", status=403)
        kept.comments.append(comment[:LONGEST_TEXT])
        return self.change(ticket_id, TicketState.OPEN)

    async def raise_urgency(self, ticket_id: str, fields: Mapping[str, str]) -> Ticket:
        self._check(ticket_id)
        kept = self._kept(ticket_id)
        self.troubles.meet("raise_urgency")
        return self.set_urgency(ticket_id, {**kept.ticket.urgency, **fields})

    async def keep_list(self, ticket_id: str, members: MemberList, *, known: bool) -> Ticket | None:
        self._check(ticket_id)
        kept = self._kept(ticket_id)
        self.troubles.meet("keep_list")
        text = with_list(kept.description, members, _fits, known=known)
        if text is None:
            return None
        if text == kept.description:
            return kept.ticket
        kept.description = text
        self.troubles.meet("list_kept")
        return self.touch(ticket_id)

    async def keep_report(self, ticket_id: str, report: ReportFile) -> None:
        self._check(ticket_id)
        kept = self._kept(ticket_id)
        self.troubles.meet("keep_report")
        if not is_attached(report, kept.attached):
            self.attach(ticket_id, report.name, report.content)
            self.troubles.meet("report_kept")
        for each in superseded(report, kept.attached, {"svc-remedy"}):
            kept.attached.remove(each)
            self.touch(ticket_id)

    async def comment(self, ticket_id: str, text: str) -> None:
        self._check(ticket_id)
        kept = self._kept(ticket_id)
        self.troubles.meet("comment")
        kept.comments.append(text[:LONGEST_TEXT])
        self.touch(ticket_id)

    async def relate(self, ticket_id: str, other: Link, text: str) -> None:
        """As a link: set once, and no change of the ticket."""
        del text
        self._check(ticket_id)
        kept = self._kept(ticket_id)
        self.troubles.meet("relate")
        kept.related.setdefault(other.ticket_id, other)
        self.troubles.meet("related")

    async def closing_words(self, ticket_id: str) -> str | None:
        self._check(ticket_id)
        kept = self._kept(ticket_id)
        self.troubles.meet("closing_words")
        return kept.closing_words

    async def closer_name(self, ticket_id: str) -> str | None:
        kept = self._kept(ticket_id)
        self.troubles.meet("closer_name")
        return kept.closer_name

    def cursor_at(self, moment: datetime) -> str:
        """Behind the last change before it."""
        earlier = (each.changes for each in self.books.values() if (each.ticket.updated_at or moment) < moment)
        return json.dumps({"after": max(earlier, default=0)})

    def former_places(self, linked: Collection[str]) -> tuple[str, ...]:
        """Its one list has all."""
        del linked
        return ()

    def called(self, name: str) -> "MemoryTracker":
        """The same tracker as it is now, with all that is in it, under another name."""
        tracker = MemoryTracker(
            name, self._clock, lag=self.lag, horizon=self._horizon.total_seconds(), address=self._address
        )
        tracker._edits = self._edits
        tracker.books = {
            each: replace(kept, ticket=replace(kept.ticket, tracker=name)) for each, kept in self.books.items()
        }
        return tracker

    async def changes(self, cursor: str | None, now: datetime, place: str = "") -> ChangePage:
        """In the order of change; the cursor counts them, and `now` is not needed."""
        del now, place
        self.troubles.meet("changes")
        after = _place(cursor)
        kept = sorted((each for each in self.books.values() if each.changes > after), key=lambda each: each.changes)
        page = [each for each in kept if self._is_searchable(each.ticket)][:PAGE]
        reached = page[-1].changes if page else after
        found = tuple(TicketChange(each.ticket.id, each.ticket.mark, each.ticket.version) for each in page)
        return ChangePage(found, json.dumps({"after": reached}), more=len(kept) > len(page) and len(page) == PAGE)

    async def whoami(self) -> str:
        self.troubles.meet("whoami")
        return "svc-remedy"

    async def accounts(self) -> frozenset[str]:
        self.troubles.meet("accounts")
        return frozenset({"svc-remedy"})

    async def site(self) -> Site:
        self.troubles.meet("site")
        return Site(self._address, self.site_id)

    async def close(self) -> None:
        self.closed = True

    def keep(self, draft: Draft, by: str = "svc-remedy") -> Ticket:
        """A new ticket of this draft, whoever opens it."""
        number, now = len(self.books) + 1, self._now()
        ticket = Ticket(
            tracker=self._name,
            id=f"id-{number}",
            key=f"KEY-{number}",
            url=f"{self._address}/KEY-{number}",
            state=TicketState.OPEN,
            mark=draft.mark or None,
            created_at=now,
            updated_at=now,
            urgency={name: str(draft.fields[name]) for name in URGENCY & draft.fields.keys()},
            place=draft.place,
            opened_by=by,
        )
        cut = replace(draft, summary=draft.summary[:200], body=draft.body[:LONGEST_TEXT])
        text = with_list(cut.body, draft.members, _fits) if draft.members else None
        self.books[ticket.id] = Kept(ticket, cut, description=text or cut.body)
        return self.change(ticket.id, TicketState.OPEN)

    def attach(self, ticket_id: str, name: str, content: bytes, by: str = "svc-remedy") -> None:
        """A file on a ticket, whoever attaches it."""
        number = f"file-{len(self.files) + 1}"
        self.files[number] = content
        self.books[ticket_id].attached.append(Attached(number, name, by))
        self.touch(ticket_id)

    def change(
        self, ticket_id: str, state: TicketState, reason: Reason | None = None, by: str | None = None, word: str = ""
    ) -> Ticket:
        """Any change of a ticket, ours or a person's, gives it a new version. Without a word, the reason is one."""
        said = word or ("" if reason in {None, Reason.NONE} else str(reason))
        kept, now, done = self.books[ticket_id], self._now(), state is TicketState.DONE
        self._edits += 1
        kept.changes = self._edits
        kept.ticket = replace(
            kept.ticket,
            state=state,
            reason=(reason or Reason.NONE) if done else None,
            word=said if done else kept.ticket.word if self.keeps_words else "",
            closed_by=by if done else None,
            closed_at=now if done else None,
            updated_at=now,
            version=f"v{self._edits}",
            final=done and kept.ticket.final,
            risk=kept.ticket.risk if done and reason is Reason.ACCEPTED_RISK else None,
        )
        return kept.ticket

    def set_urgency(self, ticket_id: str, fields: Mapping[str, str]) -> Ticket:
        """These fields are all of the ticket's urgency now, whoever wrote them."""
        kept = self.books[ticket_id]
        kept.ticket = replace(kept.ticket, urgency=dict(fields))
        return self.touch(ticket_id)

    def accept_risk(self, ticket_id: str, risk: Risk | None, by: str = "person") -> Ticket:
        """A person closes the ticket and decides to live with it."""
        self.change(ticket_id, TicketState.DONE, Reason.ACCEPTED_RISK, by)
        self.books[ticket_id].ticket = replace(self.books[ticket_id].ticket, risk=risk)
        return self.books[ticket_id].ticket

    def change_reason(self, ticket_id: str, reason: Reason, word: str = "", risk: Risk | None = None) -> Ticket:
        """Somebody closes a done ticket as something else, without opening it."""
        kept = self.books[ticket_id]
        said = word or ("" if reason is Reason.NONE else str(reason))
        kept.ticket = replace(kept.ticket, reason=reason, word=said, risk=risk)
        return self.touch(ticket_id)

    def close_for_good(self, ticket_id: str) -> Ticket:
        """A done ticket that nobody opens again."""
        kept = self.books[ticket_id]
        kept.ticket = replace(kept.ticket, final=True)
        return self.touch(ticket_id)

    def touch(self, ticket_id: str) -> Ticket:
        """Somebody changed something that we do not look at."""
        kept = self.books[ticket_id]
        self._edits += 1
        kept.changes = self._edits
        kept.ticket = replace(kept.ticket, updated_at=self._now(), version=f"v{self._edits}")
        return kept.ticket

    def of(self, mark: str) -> list[Ticket]:
        """Every ticket that really carries this mark, without any lag."""
        return [kept.ticket for kept in self.books.values() if kept.ticket.mark == mark]

    def _is_searchable(self, ticket: Ticket) -> bool:
        return ticket.created_at is not None and ticket.created_at.timestamp() + self.lag <= self._clock()

    def _kept(self, ticket_id: str) -> Kept:
        if ticket_id not in self.books:
            raise NotFound(self._name, "no such ticket", status=404)
        return self.books[ticket_id]

    def _check(self, text: str, *, of_a_mark: bool = False) -> None:
        allowed = "-_.:" if of_a_mark else "-"
        if not text.isascii() or not text.translate(str.maketrans("", "", allowed)).isalnum():
            raise Refused(self._name, "not an id")

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self._clock(), tz=UTC)


def _fits(text: str) -> bool:
    return len(text) <= LONGEST_TEXT


def _place(cursor: str | None) -> int:
    return int(json.loads(cursor or "{}").get("after", 0))


class MemorySource:
    """An account at SchoolScan: findings that can be changed as a person would, and every update that was sent."""

    def __init__(self, *findings: Finding, page_size: int = 100) -> None:
        self.troubles = Troubles()
        self.findings = {each.id: each for each in findings}
        self.updates: list[tuple[str, Status, str]] = []
        self._page_size = page_size

    async def finding(self, finding_id: str) -> Finding:
        self.troubles.meet("finding")
        if finding_id not in self.findings:
            raise NotFound("lakeside", "no such finding", status=404)
        return self.findings[finding_id]

    async def findings_page(self, filters: Mapping[str, str], cursor: str | None) -> FindingsPage:
        self.troubles.meet("findings_page")
        found = [each for each in self.findings.values() if each.scan_id == filters.get("scan_id", each.scan_id)]
        start = int(cursor or 0)
        end = start + self._page_size
        return FindingsPage(tuple(found[start:end]), str(end) if end < len(found) else None)

    async def update_finding(self, finding_id: str, status: Status, note: str) -> None:
        self.troubles.meet("update_finding")
        if finding_id not in self.findings:
            raise NotFound("lakeside", "no such finding", status=404)
        self.set_status(finding_id, status)
        self.updates.append((finding_id, status, note))

    def set_status(self, finding_id: str, status: Status) -> None:
        """Change a finding, as SchoolScan or a person does."""
        self.findings[finding_id] = replace(self.findings[finding_id], status=status)

    def set_severity(self, finding_id: str, severity: Severity) -> None:
        """SchoolScan judges a finding anew."""
        self.findings[finding_id] = replace(self.findings[finding_id], severity=severity)

    def set_review(self, finding_id: str, outcome: str) -> None:
        """SchoolScan's staff have looked at a finding."""
        self.findings[finding_id] = replace(self.findings[finding_id], review=ReviewOutcome(outcome))

    def forget(self, finding_id: str) -> None:
        """SchoolScan has it no longer."""
        del self.findings[finding_id]


class AccountSources(Mapping[SourceKey, ListedSource]):
    """The sources of these accounts, which are by district and may come and go."""

    def __init__(self, accounts: Mapping[str, MemorySource]) -> None:
        self._accounts = accounts

    def __getitem__(self, which: SourceKey) -> ListedSource:
        district, kind = which
        if kind is not CaseKind.FINDING:
            raise KeyError(which)
        return FindingSource(district, self._accounts[district])

    def __iter__(self) -> Iterator[SourceKey]:
        return ((district, CaseKind.FINDING) for district in self._accounts)

    def __len__(self) -> int:
        return len(self._accounts)


class PlainRulebook:
    """A Rulebook in which every finding wants a ticket in the same trackers, and texts are words.

    `terms` is what counts besides; `by_severity` what each severity makes of a ticket's urgency.
    """

    def __init__(self, *trackers: str, terms: Policy | None = None) -> None:
        self.terms = replace(terms or Policy(rule="every-finding" if trackers else ""), trackers=trackers)
        self.by_severity: dict[Severity, dict[str, str]] = {}
        self.closers: list[str] = []
        self.identities: dict[str, Identity] = {}
        self.counted_every: float | None = None
        self.grouped_by: tuple[GroupField, ...] = ()
        self.former_names: dict[str, str] = {}
        self.sites_given_up: set[str] = set()
        self.one_installation: tuple[str, ...] = ()
        self.grounds: dict[str, Ground] = {}
        self.unnamed = {"nowhere"}
        self.vicinities: dict[CaseKind, Vicinity] = {}

    def ruling(self, subject: Subject, at: datetime, known: str = "", said: Policy | None = None) -> Ruling:
        del at, known, said
        return PlainRuling(self, subject, self.terms)

    def summary_terms(self, district: str) -> SummaryTerms | None:
        del district
        return None if self.counted_every is None else SummaryTerms(self.counted_every)

    def identity(self, district: str) -> Identity | None:
        return self.identities.get(district)

    def groups(self, district: str) -> bool:
        del district
        return bool(self.grouped_by)

    def group_of(self, subject: Subject, at: datetime) -> CaseKey | None:
        del at
        if not isinstance(subject.detail, Finding):
            return None
        return group_of(subject.key.district, "grouping", self.grouped_by, subject.detail)

    def names(self, district: str) -> bool:
        return district not in self.unnamed

    def concerns(self, district: str, tracker: str) -> bool:
        del district
        return tracker in self.terms.trackers

    def ground(self, district: str, ticket: Ticket) -> Ground:
        del district
        return self.grounds.get(ticket.place, Ground.OWN)

    def former_sites(self, tracker: str) -> set[str]:
        del tracker
        return self.sites_given_up

    def beside(self, tracker: str) -> tuple[str, ...]:
        return tuple(name for name in self.one_installation if name != tracker)


@dataclass(frozen=True)
class PlainRuling:
    """What a PlainRulebook says about one subject."""

    book: PlainRulebook
    subject: Subject
    policy: Policy

    @property
    def severity(self) -> Severity:
        return self.subject.severity

    @property
    def news(self) -> str:
        told, now = self.subject.told, self.subject.detail
        if told is None or not isinstance(now, Incident) or told.incident.weapons == now.weapons:
            return ""
        return f"weapons now {' '.join(now.weapons)}"

    @property
    def member_list(self) -> MemberList | None:
        members = self.subject.members
        lines = tuple(f"- {each.id}, {each.severity}, {each.status.is_solved}" for each in members)
        return MemberList(f"{len(members)}", lines) if members else None

    @property
    def vicinity(self) -> Vicinity | None:
        return self.book.vicinities.get(self.subject.key.kind)

    def urgency(self, tracker: str) -> Mapping[str, str]:
        del tracker
        return self.book.by_severity.get(self.subject.severity, {})

    def closing_fields(self, tracker: str) -> Mapping[str, object]:
        del tracker
        return {}

    def place(self, tracker: str) -> str | None:
        return "SEC" if tracker in self.policy.trackers else None

    def draft(self, tracker: str, follows: Ticket | None = None) -> Draft:
        del follows
        fields = dict(self.urgency(tracker))
        mark, members = self.subject.key.mark, self.member_list
        return Draft(mark, "SEC", "Exposed student data", "What to do", fields=fields, members=members)

    def note(self, change: SetStatus, tickets: tuple[Ticket, ...], now: datetime, words: str = "") -> str:
        del now
        self.book.closers = [name for ticket in tickets if (name := ticket.closer or ticket.closed_by)]
        until = f"{change.until:%Y-%m-%d}" if change.until else ""
        parts = [change.why, change.reason or "", until, *(ticket.key for ticket in tickets), words]
        return " ".join(part for part in parts if part)

    def comment(self, why: Why, ticket: Ticket, now: datetime, fact: str = "") -> str:
        del now
        return " ".join(part for part in (why, ticket.key, fact) if part)


class MemoryLinks:
    """Links of one case. While `lost` is true every write raises LeaseLost; `log` has each write's name, in order."""

    def __init__(self) -> None:
        self.links: dict[str, Link] = {}
        self.intents: dict[str, float] = {}
        self.lost = False
        self.log: list[str] = []

    async def hold(self) -> None:
        if self.lost:
            raise LeaseLost("lakeside:finding:fnd_1")

    async def intend(self, tracker: str, now: float, place: str = "") -> None:
        del place
        self._write(f"intend:{tracker}")
        self.intents[tracker] = now

    async def link(self, ticket: Ticket) -> Link:
        self._write(f"link:{ticket.tracker}")
        link = link_of(ticket)
        self.links[ticket.tracker] = link
        self.intents.pop(ticket.tracker, None)
        return link

    async def unlink(self, tracker: str) -> None:
        self._write(f"unlink:{tracker}")
        self.links.pop(tracker, None)
        self.intents.pop(tracker, None)

    async def disown(self, link: Link, *, replaced: bool) -> None:
        self._write(f"disown:{link.tracker}")
        self.links.pop(link.tracker, None)
        self.intents.pop(link.tracker, None)
        if replaced:
            self.intents[link.tracker] = 0.0

    def _write(self, what: str) -> None:
        if self.lost:
            raise LeaseLost("lakeside:finding:fnd_1")
        self.log.append(what)


class ManualClock:
    """A clock that stands still until it is moved. Unix seconds."""

    def __init__(self, now: float = 1_800_000_000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now

    def pass_by(self, seconds: float) -> None:
        """Let time go by."""
        self.now += seconds


class RealClock(ManualClock):
    """The machine's clock, by which servers and processes go, and what a test lets go by besides."""

    def __init__(self) -> None:
        super().__init__(0.0)

    def __call__(self) -> float:
        return time.time() + self.now


class Terminal(io.StringIO):
    """A stream that calls itself a terminal."""

    def isatty(self) -> bool:
        return True
