"""Everything that a worker holds open: built in the composition root, closed in one place."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import partial
from typing import assert_never

import structlog

from remediation.domain.cases.records import CaseKind
from remediation.domain.errors import TryLater, Waiting
from remediation.mapping.config.schema import Retention
from remediation.mapping.reading.loading import Loaded
from remediation.operations.examining.outside import AskedSystem
from remediation.ports import Links, ListedSource, Rulebook, SourceKey, Tracker, WalkedFeed
from remediation.sealing import Keyring
from remediation.sources.incident_feed.answers import system_of as feeds_of
from remediation.sources.schoolscan.client import system_of
from remediation.sources.schoolscan.scanning import Scanner
from remediation.store.activity.tally import ActivityTally
from remediation.store.audit.chain import AuditKeys
from remediation.store.audit.trail import AuditTrail
from remediation.store.budgets.learned import Budgets
from remediation.store.budgets.trackers import TrackerBudgets
from remediation.store.cases.links import LeasedLinks
from remediation.store.cases.relations import CaseRelations
from remediation.store.cases.timeline import Timeline
from remediation.store.cases.todo import Lease, Todo
from remediation.store.console.questions import Questions
from remediation.store.cursors import SealedCursors
from remediation.store.deliveries.crash_counter import CrashCounter
from remediation.store.deliveries.inbox import Inbox
from remediation.store.deliveries.parked import ParkedWork
from remediation.store.deliveries.set_aside import SetAsideLimits
from remediation.store.incidents.feeds import Feeds
from remediation.store.incidents.records import IncidentRecords
from remediation.store.incidents.retention import IncidentRetention
from remediation.store.scans.counting import Countings
from remediation.store.scans.listing import Scans
from remediation.store.scans.reporting import ScanReports
from remediation.store.server.connection import Connection
from remediation.store.systems import Systems
from remediation.store.verifications import Verifications
from workers.audit_targets import AuditTarget
from workers.budgets import BudgetedReports, BudgetedScans, BudgetedSource, Spending
from workers.channels import Notifying
from workers.metering import TrackerLimits
from workers.sites import TicketPlaces, TrackerSites

logger = structlog.get_logger()

_USUAL = Retention()

PutAway = Callable[[], Awaitable[None]]
"""Closes what a context has opened for itself: its sources and trackers, not the stores."""


@dataclass(frozen=True, slots=True)
class AskedFile:
    """The file that questions of people are about. `open_systems` opens its systems, to ask them how they are."""

    loaded: Loaded
    open_systems: Callable[[], AbstractAsyncContextManager[Sequence[AskedSystem]]]


@dataclass(frozen=True, slots=True)
class NamedSystems:
    """What one mappings.yaml names, open for work, and its rules. `kept` is the retention that it asks for.

    `sources` are by district and kind, `trackers` by name, and `feeds`, those of incidents, by `district/feed`.
    `rules` is the start of the file's digest, and `asked_about` what questions of people are about. `scanners` start
    scans, by district, and `notifying` has the channels by which people are told.
    """

    sources: Mapping[SourceKey, ListedSource]
    trackers: Mapping[str, Tracker]
    rulebook: Rulebook
    feeds: Mapping[str, WalkedFeed] = field(default_factory=dict)
    kept: Retention | None = None
    rules: str = ""
    scanners: Mapping[str, Scanner] = field(default_factory=dict)
    notifying: Notifying = field(default_factory=Notifying)
    asked_about: AskedFile | None = None


@dataclass(frozen=True, slots=True)
class WorkerContext:
    """The resources of jobs; `clock` returns Unix seconds.

    `countings` are the numbers of scans with a summary, `reports` how far their reports are, and whoever has
    `report_turn` holds the file of one. `cursors` seals how far lists were read. `links` returns the links of the case
    that a lease is for, `relations` is where cases are found by others, `sites` the present site of each tracker, and
    `places` the former places of tickets. `verifications` are the scans that verify what people mended, and `scanners`
    start them, by district; `questions` are those of the console, and `asked_about` is the file that they are about.
    `incidents` are what feeds have shown, and `feed_states` how far each was read; `keeps_incidents` is how long they
    are kept. `audit` are the keys of the audit, to which looks add lines, `trail` is the audit itself, `keeps_audit`
    how long its lines are kept, `keeps_cases` and `keeps_parked` how long cases at their end and parked work are, and
    `audit_targets` where lines are written besides the log; `rules` is the start of the digest of mappings.yaml, and
    `notifying` has the channels by which people are told. In `tally` is counted what charts show: the process writes it
    to the store.
    """

    connection: Connection
    todo: Todo
    inbox: Inbox
    scans: Scans
    countings: Countings
    reports: ScanReports
    cursors: SealedCursors
    parked: ParkedWork
    set_aside: SetAsideLimits
    systems: Systems
    budgets: Budgets
    tracker_limits: TrackerLimits
    timeline: Timeline
    links: Callable[[Lease, Mapping[str, str]], Links]
    relations: CaseRelations
    sites: TrackerSites
    places: TicketPlaces
    incidents: IncidentRecords
    incident_retention: IncidentRetention
    keeps_incidents: timedelta
    feed_states: Feeds
    sources: Mapping[SourceKey, ListedSource]
    trackers: Mapping[str, Tracker]
    feeds: Mapping[str, WalkedFeed]
    scanners: Mapping[str, Scanner]
    verifications: Verifications
    questions: Questions
    rulebook: Rulebook
    clock: Callable[[], float]
    chance: random.Random
    audit: AuditKeys
    trail: AuditTrail
    keeps_audit: timedelta
    keeps_cases: timedelta
    keeps_parked: timedelta
    rules: str = ""
    audit_targets: Sequence[AuditTarget] = ()
    report_turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    notifying: Notifying = field(default_factory=Notifying)
    asked_about: AskedFile | None = None
    tally: ActivityTally = field(default_factory=ActivityTally)

    def source(self, district: str, kind: CaseKind) -> ListedSource:
        """The source of the district's cases of this kind: its SchoolScan account, or its feeds of incidents.

        Raises TryLater where mappings.yaml has no such district, or no feed of it (any more): its work waits until they
        are back.
        """
        source = self.sources.get((district, kind))
        if source is not None:
            return source
        match kind:
            case CaseKind.FINDING | CaseKind.SUMMARY:
                system, words = system_of(district), "no such district in mappings.yaml"
            case CaseKind.INCIDENT:
                system, words = feeds_of(district), "no feed of incidents of this district in mappings.yaml"
            case _:
                assert_never(kind)
        raise TryLater(system, words, waiting=Waiting.UNNAMED)

    def source_for(
        self, ref: str, district: str, kind: CaseKind, *, urgent: bool = False, in_steps: bool = False
    ) -> ListedSource:
        """The same for the work on one case or scan: an account's requests stay within its rate limits.

        `urgent`: whatever the severity of the case is; `in_steps`: each is remembered (see workers/budgets.py).
        """
        source = self.source(district, kind)
        if kind is CaseKind.INCIDENT:
            return source
        return BudgetedSource(source, Spending(self.budgets, system_of(district), ref, self.clock, urgent, in_steps))

    def scanner_for(self, name: str, district: str) -> Scanner:
        """What starts scans of the district and makes reports of them, for the work of this name, within its limits.

        Raises TryLater where mappings.yaml has no such district (any more).
        """
        scanner = self.scanners.get(district)
        if scanner is None:
            words = "no such district in mappings.yaml"
            raise TryLater(system_of(district), words, waiting=Waiting.UNNAMED)
        spending = Spending(self.budgets, system_of(district), name, self.clock)
        reports = BudgetedReports(scanner.reports, spending)
        return replace(scanner, account=BudgetedScans(scanner.account, spending), reports=reports)


def context_on(
    connection: Connection,
    keyring: Keyring,
    named: NamedSystems,
    clock: Callable[[], float],
    audit_targets: Sequence[AuditTarget] = (),
) -> WorkerContext:
    """A context whose stores all use one connection."""
    crash_counter = CrashCounter(connection)  # one for all: work that may kill workers is tried alone
    kept, trail = named.kept or _USUAL, AuditTrail.sealed_by(connection, keyring)
    return WorkerContext(
        connection=connection,
        todo=Todo(connection, crash_counter),
        inbox=Inbox(connection, keyring, kept.deliveries, crash_counter),
        scans=Scans(connection, keyring, crash_counter),
        countings=Countings(connection, keyring),
        reports=ScanReports(connection),
        cursors=SealedCursors(keyring),
        parked=ParkedWork(connection, keyring),
        set_aside=SetAsideLimits(connection, trail.keys, kept.quarantined, kept.not_found),
        systems=Systems(connection),
        budgets=Budgets(connection),
        tracker_limits=TrackerLimits(TrackerBudgets(connection), clock),
        timeline=Timeline(connection, kept.timelines),
        links=partial(LeasedLinks, connection, clock=clock),
        relations=CaseRelations(connection, keyring),
        sites=TrackerSites(connection, named.trackers, clock),
        places=TicketPlaces(connection, clock),
        incidents=IncidentRecords(connection, keyring),
        incident_retention=IncidentRetention(connection, keyring),
        keeps_incidents=kept.incidents,
        feed_states=Feeds(connection),
        sources=named.sources,
        trackers=named.trackers,
        feeds=named.feeds,
        scanners=named.scanners,
        verifications=Verifications(connection, keyring),
        questions=Questions(connection, keyring),
        rulebook=named.rulebook,
        clock=clock,
        chance=random.SystemRandom(),
        audit=trail.keys,
        trail=trail,
        keeps_audit=kept.audit,
        keeps_cases=kept.cases,
        keeps_parked=kept.parked,
        rules=named.rules,
        audit_targets=audit_targets,
        notifying=named.notifying,
        asked_about=named.asked_about,
    )


async def _nothing() -> None:
    """Closes nothing: for a context whose sources and trackers belong to the caller."""


@dataclass(slots=True, eq=False)
class _Shift:
    """A context, the number of jobs that use it, and how to close it."""

    context: WorkerContext
    put_away: PutAway
    jobs: int = 0


class WorkerContexts:
    """The context of new jobs, and earlier ones for as long as a job uses them.

    A job keeps the context that it began with (rules, tokens and trackers), whatever is loaded meanwhile. A context
    that was replaced is closed when its last job has ended; until then the trackers of both are open.
    """

    def __init__(self, context: WorkerContext, put_away: PutAway = _nothing) -> None:
        self._current = _Shift(context, put_away)
        self._shifts = {self._current}
        self._leaving: set[asyncio.Task[None]] = set()

    @property
    def connection(self) -> Connection:
        """Redis, which is the same for every context."""
        return self._current.context.connection

    @property
    def tally(self) -> ActivityTally:
        """What jobs count for charts, which is the same for every context."""
        return self._current.context.tally

    @contextmanager
    def at_work(self) -> Iterator[WorkerContext]:
        """The context for one job, from its beginning to its end."""
        shift = self._current
        shift.jobs += 1
        try:
            yield shift.context
        finally:
            shift.jobs -= 1
            self._put_away_unused(shift)

    def replace(self, named: NamedSystems, put_away: PutAway) -> None:
        """Use these for new jobs from now on; the stores stay, with their retention unless another one is named.

        Must be called in the event loop.
        """
        before = self._current
        connection, clock = before.context.connection, before.context.clock
        context = replace(
            before.context,
            sources=named.sources,
            trackers=named.trackers,
            feeds=named.feeds,
            scanners=named.scanners,
            rulebook=named.rulebook,
            sites=TrackerSites(connection, named.trackers, clock),
            places=TicketPlaces(connection, clock),
            rules=named.rules,
            notifying=named.notifying,
            asked_about=named.asked_about,
        )
        if (kept := named.kept) is not None:
            inbox, timeline = context.inbox.keeping(kept.deliveries), context.timeline.keeping(kept.timelines)
            set_aside = context.set_aside.keeping(kept.quarantined, kept.not_found)
            context = replace(
                context,
                inbox=inbox,
                timeline=timeline,
                set_aside=set_aside,
                keeps_incidents=kept.incidents,
                keeps_audit=kept.audit,
                keeps_cases=kept.cases,
                keeps_parked=kept.parked,
            )
        self._current = _Shift(context, put_away)
        self._shifts.add(self._current)
        self._put_away_unused(before)

    async def aclose(self) -> None:
        """Close every context. No job may be using one any more."""
        await asyncio.gather(*self._leaving, *(self._put_away(shift) for shift in tuple(self._shifts)))

    def _put_away_unused(self, shift: _Shift) -> None:
        if shift is self._current or shift.jobs or shift not in self._shifts:
            return
        leaving = asyncio.create_task(self._put_away(shift))
        self._shifts.discard(shift)
        self._leaving.add(leaving)
        leaving.add_done_callback(self._leaving.discard)

    async def _put_away(self, shift: _Shift) -> None:
        self._shifts.discard(shift)
        try:
            await shift.put_away()
        except Exception as error:  # noqa: BLE001 - an old context that cannot be closed must not end the worker
            logger.warning("context_not_closed", error=type(error).__name__)
