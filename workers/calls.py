"""Clients of outside systems whose calls are timed, counted and traced.

Results and errors are those of the wrapped ones.
"""

import time
from collections.abc import Awaitable, Collection, Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Literal, TypeVar

from remediation import telemetry
from remediation.domain.cases.records import CaseKey, CaseKind, Link
from remediation.domain.errors import NotFound, OutsideError, TryLater, Waiting
from remediation.domain.findings import Report, ReportFormat, Scan
from remediation.domain.ownership import Site
from remediation.domain.reports import ReportFile
from remediation.domain.status import Status
from remediation.domain.subjects import Subject
from remediation.domain.tickets import ChangePage, Draft, MemberList, Reason, Ticket
from remediation.domain.walks import FeedWalk, Timetable
from remediation.ports import (
    IncidentPage,
    ListedSource,
    SourceKey,
    SubjectPage,
    Tracker,
    WalkedFeed,
)
from remediation.sources.incident_feed.answers import system_of
from remediation.sources.schoolscan.downloads import Write
from remediation.sources.schoolscan.scanning import ReportAccount, ScanAccount, Scanner
from workers.metrics import CALL_ERRORS, CALL_SECONDS, WAITS, begin_feed

Kind = Literal["read", "write"]
ResultT = TypeVar("ResultT")

REFUSED = "refused"
NOT_FOUND = "not_found"
KINDS: tuple[Kind, ...] = ("read", "write")
CAUSES = (*Waiting, REFUSED, NOT_FOUND)


def account_of(district: str) -> str:
    """The name of a district's SchoolScan account in metrics, logs and an error's `system`."""
    return f"schoolscan:{district}"


def cause_of(error: OutsideError) -> str:
    """The label of an error: what must end before a call can succeed, or `refused` or `not_found` for other errors."""
    if isinstance(error, TryLater):
        return error.waiting
    return NOT_FOUND if isinstance(error, NotFound) else REFUSED


class _Calls:
    """The calls of one system.

    Every series exists from the start: otherwise a first error would not show as an increase.
    """

    def __init__(self, system: str) -> None:
        self._system = system
        self._seconds = {kind: CALL_SECONDS.labels(system, kind) for kind in KINDS}
        self._errors = {cause: CALL_ERRORS.labels(system, cause) for cause in CAUSES}
        for cause in Waiting:
            WAITS.labels(system, cause)

    async def read(self, operation: str, call: Awaitable[ResultT]) -> ResultT:
        return await self._counted("read", operation, call)

    async def write(self, operation: str, call: Awaitable[ResultT]) -> ResultT:
        return await self._counted("write", operation, call)

    async def _counted(self, kind: Kind, operation: str, call: Awaitable[ResultT]) -> ResultT:
        begun = time.perf_counter()
        try:
            with telemetry.span(
                operation, role=telemetry.Role.CLIENT, system=self._system, operation=operation, access=kind
            ):
                return await call
        except OutsideError as error:
            self._errors[cause_of(error)].inc()
            raise
        finally:
            self._seconds[kind].observe(time.perf_counter() - begun)


class CountedSource:
    """A district's SchoolScan account whose calls are counted. Implements remediation.ports.ListedSource."""

    def __init__(self, district: str, source: ListedSource, read: str = "finding") -> None:
        self._source = source
        self._read = read
        self._calls = _Calls(account_of(district))

    async def subject(self, key: CaseKey) -> Subject:
        """The subject as it is now."""
        return await self._calls.read(self._read, self._source.subject(key))

    async def page(self, filters: Mapping[str, str], cursor: str | None) -> SubjectPage:
        """One page of findings."""
        return await self._calls.read("findings_page", self._source.page(filters, cursor))

    async def set_status(self, key: CaseKey, status: Status, note: str) -> None:
        """Set the status, with the note."""
        await self._calls.write("update_finding", self._source.set_status(key, status, note))


class CountedScanAccount:
    """The scans of a district's SchoolScan account, whose calls are counted. Implements ScanAccount."""

    def __init__(self, district: str, account: ScanAccount) -> None:
        self._account = account
        self._calls = _Calls(account_of(district))

    async def scan(self, scan_id: str) -> Scan:
        """The scan as it is now."""
        return await self._calls.read("scan", self._account.scan(scan_id))

    async def scans(
        self, *, status: str | None = None, domain: str | None = None, created_after: datetime | None = None
    ) -> tuple[Scan, ...]:
        """Every scan of a list."""
        listed = self._account.scans(status=status, domain=domain, created_after=created_after)
        return await self._calls.read("scans", listed)

    async def start_scan(self, domain: str) -> str:
        """Start a scan; returns its id."""
        return await self._calls.write("start_scan", self._account.start_scan(domain))

    async def cancel_scan(self, scan_id: str) -> None:
        """Stop a scan."""
        await self._calls.write("cancel_scan", self._account.cancel_scan(scan_id))


class CountedReports:
    """The reports of a district's SchoolScan account, whose calls are counted. Implements ReportAccount."""

    def __init__(self, district: str, account: ReportAccount) -> None:
        self._account = account
        self._calls = _Calls(account_of(district))

    async def generate_report(self, scan_id: str, form: ReportFormat) -> Report:
        """Ask for a report of a completed scan."""
        return await self._calls.write("generate_report", self._account.generate_report(scan_id, form))

    async def report(self, report_id: str) -> Report:
        """The report as it is now."""
        return await self._calls.read("report", self._account.report(report_id))

    async def fetch_report(self, report_id: str, write: Write, largest: int) -> int:
        """Give a finished report's file to `write`."""
        return await self._calls.read("fetch_report", self._account.fetch_report(report_id, write, largest))


class CountedFeed:
    """A feed of incidents whose calls are counted. Implements remediation.ports.WalkedFeed."""

    def __init__(self, feed: WalkedFeed) -> None:
        self._feed = feed
        self._calls = _Calls(system_of(feed.name))
        begin_feed(feed.name)

    @property
    def name(self) -> str:
        """The name of the feed, `district/feed`."""
        return self._feed.name

    @property
    def district(self) -> str:
        """Whose incidents it shows."""
        return self._feed.district

    @property
    def timetable(self) -> Timetable:
        """When it is read."""
        return self._feed.timetable

    @property
    def account(self) -> str:
        """Tells whose incidents it shows."""
        return self._feed.account

    async def page(self, walk: FeedWalk, version: str = "", *, in_part: bool = False) -> IncidentPage:
        """The walk's next page, also one that did not come whole where it is taken `in_part`."""
        return await self._calls.read("incidents_page", self._feed.page(walk, version, in_part=in_part))


class CountedTracker:
    """A tracker whose calls are counted. Implements remediation.ports.Tracker."""

    def __init__(self, tracker: Tracker) -> None:
        self._tracker = tracker
        self._calls = _Calls(tracker.name)

    @property
    def name(self) -> str:
        """The tracker's name in mappings.yaml."""
        return self._tracker.name

    @property
    def address(self) -> str:
        """The tracker's address in mappings.yaml."""
        return self._tracker.address

    @property
    def search_horizon(self) -> timedelta:
        """How long a ticket may exist before `find` sees it."""
        return self._tracker.search_horizon

    async def create(self, draft: Draft) -> Ticket:
        """Open one ticket."""
        return await self._calls.write("create", self._tracker.create(draft))

    async def read(self, ticket_id: str, *, closed: bool = False) -> Ticket:
        """The ticket as it is now."""
        return await self._calls.read("read", self._tracker.read(ticket_id, closed=closed))

    async def find(self, mark: str, place: str) -> tuple[Ticket, ...]:
        """Every ticket that carries the mark."""
        return await self._calls.read("find", self._tracker.find(mark, place))

    async def resolve(
        self, ticket_id: str, reason: Reason, comment: str, fields: Mapping[str, object] | None = None
    ) -> Ticket:
        """Bring the ticket to done."""
        return await self._calls.write("resolve", self._tracker.resolve(ticket_id, reason, comment, fields))

    async def reopen(self, ticket_id: str, comment: str) -> Ticket:
        """Bring a done ticket back to open."""
        return await self._calls.write("reopen", self._tracker.reopen(ticket_id, comment))

    async def raise_urgency(self, ticket_id: str, fields: Mapping[str, str]) -> Ticket:
        """Write these fields."""
        return await self._calls.write("raise_urgency", self._tracker.raise_urgency(ticket_id, fields))

    async def keep_list(self, ticket_id: str, members: MemberList, *, known: bool) -> Ticket | None:
        """Bring the list of findings up to date."""
        return await self._calls.write("keep_list", self._tracker.keep_list(ticket_id, members, known=known))

    async def keep_report(self, ticket_id: str, report: ReportFile) -> None:
        """Have the report attached."""
        await self._calls.write("keep_report", self._tracker.keep_report(ticket_id, report))

    async def comment(self, ticket_id: str, text: str) -> None:
        """Add a comment."""
        await self._calls.write("comment", self._tracker.comment(ticket_id, text))

    async def relate(self, ticket_id: str, other: Link, text: str) -> None:
        """Say that another ticket belongs to this one."""
        await self._calls.write("relate", self._tracker.relate(ticket_id, other, text))

    async def closing_words(self, ticket_id: str) -> str | None:
        """What the person who closed the ticket wrote there last."""
        return await self._calls.read("closing_words", self._tracker.closing_words(ticket_id))

    async def closer_name(self, ticket_id: str) -> str | None:
        """The name of the person who closed the ticket."""
        return await self._calls.read("closer_name", self._tracker.closer_name(ticket_id))

    def cursor_at(self, moment: datetime) -> str:
        """Where a list of changes begins that holds all since `moment`."""
        return self._tracker.cursor_at(moment)

    def former_places(self, linked: Collection[str]) -> tuple[str, ...]:
        """Where tickets of ours may be besides where new ones go."""
        return self._tracker.former_places(linked)

    async def changes(self, cursor: str | None, now: datetime, place: str = "") -> ChangePage:
        """Tickets of ours that changed since `cursor`."""
        return await self._calls.read("changes", self._tracker.changes(cursor, now, place))

    async def whoami(self) -> str:
        """The account we are signed in as."""
        return await self._calls.read("whoami", self._tracker.whoami())

    async def accounts(self) -> Collection[str]:
        """Every account that opens tickets for us."""
        return await self._calls.read("accounts", self._tracker.accounts())

    async def site(self) -> Site:
        """Which site this is."""
        return await self._calls.read("site", self._tracker.site())

    async def close(self) -> None:
        """Close connections and end threads."""
        await self._tracker.close()


def counted_sources(sources: Mapping[SourceKey, ListedSource]) -> dict[SourceKey, ListedSource]:
    """The same accounts, counted."""
    named = {CaseKind.SUMMARY: "scan"}
    return {which: CountedSource(which[0], source, named.get(which[1], "finding")) for which, source in sources.items()}


def counted_scanners(scanners: Mapping[str, Scanner]) -> dict[str, Scanner]:
    """The same accounts by district, counted."""
    return {
        name: replace(each, account=CountedScanAccount(name, each.account), reports=CountedReports(name, each.reports))
        for name, each in scanners.items()
    }


def counted_feeds(feeds: Mapping[str, WalkedFeed]) -> dict[str, WalkedFeed]:
    """The same feeds by name, counted."""
    return {name: CountedFeed(feed) for name, feed in feeds.items()}


def counted_trackers(trackers: Iterable[Tracker]) -> dict[str, Tracker]:
    """The same trackers by name, counted."""
    return {tracker.name: CountedTracker(tracker) for tracker in trackers}
