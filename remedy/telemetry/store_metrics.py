"""Metrics that are the same for all processes, read from Redis at each scrape.

A process that cannot read Redis leaves these series out, so that nobody takes an old figure for a new one; it only says
that Redis is not up.
"""

import asyncio
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from prometheus_client import REGISTRY
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from remediation.domain.errors import StoreUnavailable
from remediation.store.audit.standing import AuditWaits, audit_waits
from remediation.store.budgets.learned import BudgetFigures, Budgets
from remediation.store.cases.dependents import KnownTracker, known_trackers, not_named
from remediation.store.data_keys import KeyTimes, times_in_use
from remediation.store.deliveries.parked import ParkedKind
from remediation.store.figures import Figures, read_figures
from remediation.store.incidents.figures import FeedFigures, feed_figures
from remediation.store.server.connection import Connection
from remediation.store.server.readiness import StoreState, store_state
from remediation.store.server.rewriting import Rewriting, Shredded
from remediation.store.systems import Systems, SystemTrouble
from remediation.store.verifications import VerificationFigures, verification_figures

DEADLINE = 2.0
"""Seconds for the figures: Prometheus and KEDA give up a scrape after a few more."""


@dataclass(frozen=True, slots=True)
class StoreReading:
    """The result of one reading. `figures` is None where Redis could not be read; `now` is in Unix seconds.

    `keeps` is whether Redis keeps what it is told as the settings ask; `troubles` are the systems that are waited for,
    `unnamed` the trackers that no worker finds in mappings.yaml any more although cases have tickets there, `feeds` the
    feeds of incidents, `shredded` what may still be in Redis's file, `key_times` since when data keys are known,
    `audit` what of the audit waits to be chained, `budgets` how much of their limits systems leave us, and `verifying`
    which cases wait for a scan of their site.
    """

    store: StoreState
    keeps: bool = False
    figures: Figures | None = None
    troubles: tuple[SystemTrouble, ...] = ()
    unnamed: tuple[KnownTracker, ...] = ()
    feeds: tuple[FeedFigures, ...] = ()
    shredded: Shredded = field(default_factory=Shredded)
    key_times: Mapping[str, KeyTimes] = field(default_factory=dict)
    audit: AuditWaits = field(default_factory=AuditWaits)
    budgets: tuple[BudgetFigures, ...] = ()
    verifying: tuple[VerificationFigures, ...] = ()
    now: float = 0.0


class StoreMetrics(Collector):
    """The last reading as metrics. Each process has one of these."""

    def __init__(self) -> None:
        self._reading: StoreReading | None = None

    def take(self, reading: StoreReading) -> None:
        """Show this reading from now on."""
        self._reading = reading

    def forget(self) -> None:
        """Show nothing until the next reading."""
        self._reading = None

    def describe(self) -> Iterator[GaugeMetricFamily]:
        """Every family that there may be, without values."""
        nothing = Figures(0, 0, 0, None, 0, 0, None, 0, None, {}, {})
        yield from _standing(StoreReading(StoreState()))
        yield from _shared(nothing, 0.0)
        yield from _waited_for(())
        yield from _unnamed(())
        yield from _feeds((), 0.0)
        yield from _shredded(Shredded(), 0.0)
        yield from _key_ages({}, 0.0)
        yield from _budgets(())
        yield from _verifying(())
        yield from _audit(AuditWaits(), 0.0)

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """The last reading; nothing before the first."""
        if self._reading is None:
            return
        yield from _standing(self._reading)
        if self._reading.figures is not None:
            yield from _shared(self._reading.figures, self._reading.now)
            yield from _waited_for(self._reading.troubles)
            yield from _unnamed(self._reading.unnamed)
            yield from _feeds(self._reading.feeds, self._reading.now)
            yield from _shredded(self._reading.shredded, self._reading.now)
            yield from _key_ages(self._reading.key_times, self._reading.now)
            yield from _budgets(self._reading.budgets)
            yield from _verifying(self._reading.verifying)
            yield from _audit(self._reading.audit, self._reading.now)


class StoreReader:
    """Reads Redis for the metrics of one process, one reading at a time."""

    def __init__(self, connection: Connection, clock: Callable[[], float], *, allow_weak_durability: bool) -> None:
        self._connection = connection
        self._systems = Systems(connection)
        self._clock = clock
        self._allow_weak = allow_weak_durability
        self._turn = asyncio.Lock()

    async def refresh(self) -> None:
        """Take a new reading. Raises nothing: that Redis is away is a reading, too."""
        async with self._turn:
            STORE.take(await self._read())

    def forget(self) -> None:
        """Show nothing of Redis in this process until the next reading: another process tells it."""
        STORE.forget()

    async def _read(self) -> StoreReading:
        store = await store_state(self._connection)
        keeps = not store.problems(allow_weak_durability=self._allow_weak)
        if not store.answers:
            return StoreReading(store)
        now = self._clock()
        try:
            async with asyncio.timeout(DEADLINE):
                figures, troubles = await read_figures(self._connection, now), await self._systems.in_trouble()
                unnamed = not_named(await known_trackers(self._connection), figures.last_sweep)
                feeds, shredded = await feed_figures(self._connection), await Rewriting(self._connection).shredded()
                times, audit = await times_in_use(self._connection, now), await audit_waits(self._connection)
                waited = tuple(troubles), tuple(unnamed), tuple(feeds)
                budgets = tuple(await Budgets(self._connection).figures(now))
                scans = tuple(await verification_figures(self._connection))
                return StoreReading(store, keeps, figures, *waited, shredded, times, audit, budgets, scans, now)
        except (StoreUnavailable, TimeoutError):
            return StoreReading(store, keeps)


def _standing(reading: StoreReading) -> Iterator[GaugeMetricFamily]:
    """Whether Redis lets us in; if so, whether it takes writes; if so, whether it keeps them."""
    store = reading.store
    yield _gauge("remedy_redis_up", "1 while Redis answers this process, and lets it in.", store.answers)
    if store.answers:
        yield _gauge("remedy_redis_writable", "1 while Redis takes what we write.", store.takes_writes)
    if store.answers and store.takes_writes:
        yield _gauge("remedy_redis_durable", "1 while Redis keeps what it is told as the settings ask.", reading.keeps)


def _shared(figures: Figures, now: float) -> Iterator[GaugeMetricFamily]:
    yield _gauge("remedy_queue_due", "Jobs that a worker could take up now.", figures.due)
    yield _gauge("remedy_queue_running", "Jobs that workers have in hand.", figures.running)
    yield _gauge("remedy_deliveries_unread", "Accepted deliveries that no worker has read.", figures.unread)
    unread, dirty = _age(figures.oldest_unread, now), _age(figures.oldest_dirty, now)
    yield _gauge("remedy_oldest_unread_delivery_seconds", "For how long the oldest of them waits.", unread)
    yield _gauge("remedy_cases_dirty", "Cases that wait to be looked at.", figures.dirty)
    yield _gauge("remedy_cases_put_off", "Those of them that are not looked at within ten seconds.", figures.put_off)
    yield _gauge("remedy_oldest_dirty_case_seconds", "For how long the oldest of them waits.", dirty)
    yield _gauge("remedy_parked", "Parked and quarantined work.", figures.parked)
    kinds = "Parked work by kind: action, case, scan, delivery, quarantined."
    yield _labelled("remedy_parked_kinds", kinds, "kind", dict.fromkeys(ParkedKind, 0) | dict(figures.parked_kinds))
    accounts = "Parked work by district, or by tracker where one has delivered it."
    yield _labelled("remedy_parked_accounts", accounts, "account", figures.parked_accounts)
    accepted = "When a delivery was last accepted, in Unix seconds."
    yield _labelled("remedy_last_delivery_timestamp_seconds", accepted, "sender", figures.accepted)
    swept = GaugeMetricFamily("remedy_last_sweep_timestamp_seconds", "When a worker last swept, in Unix seconds.")
    if figures.last_sweep is not None:
        swept.add_metric([], figures.last_sweep)
    yield swept


def _waited_for(troubles: tuple[SystemTrouble, ...]) -> Iterator[GaugeMetricFamily]:
    documentation = "1 while a system is waited for: for a sign-in, a limit, or an answer (away)."
    waited_for = GaugeMetricFamily("remedy_system_waited_for", documentation, labels=["system", "waiting"])
    for trouble in troubles:
        waited_for.add_metric([trouble.system, trouble.waiting], 1)
    yield waited_for
    held = {trouble.system: trouble.cases for trouble in troubles}
    yield _labelled("remedy_cases_held", "Cases that wait for a system.", "system", held)


def _unnamed(trackers: tuple[KnownTracker, ...]) -> Iterator[GaugeMetricFamily]:
    cases = {each.name: each.cases for each in trackers}
    words = "Cases that have tickets in a tracker which mappings.yaml does not name (any more)."
    yield _labelled("remedy_cases_of_unnamed_tracker", words, "tracker", cases)
    held = {each.name: each.held_up for each in trackers}
    words = "Those of them that were looked at without it, and are held up."
    yield _labelled("remedy_cases_held_up", words, "tracker", held)


def _feeds(feeds: tuple[FeedFigures, ...], now: float) -> Iterator[GaugeMetricFamily]:
    polled = {each.name: each.polled_at for each in feeds if each.polled_at is not None}
    words = "When the last reading of a feed of incidents began that was whole, in Unix seconds."
    yield _labelled("remedy_feed_polled_timestamp_seconds", words, "feed", polled)
    swept = {each.name: each.swept_at for each in feeds if each.swept_at is not None}
    words = "When the last whole reading of its school year began, in Unix seconds."
    yield _labelled("remedy_feed_swept_timestamp_seconds", words, "feed", swept)
    overdue = {each.name: each.overdue(now) for each in feeds}
    words = "For how long a feed of incidents should have been read again."
    yield _labelled("remedy_feed_overdue_seconds", words, "feed", overdue)
    kept = {each.name: float(each.incidents) for each in feeds}
    yield _labelled("remedy_incidents_kept", "Incidents of a feed that are kept.", "feed", kept)


def _shredded(shredded: Shredded, now: float) -> Iterator[GaugeMetricFamily]:
    words = "For how long something that was shredded may be in Redis's append-only file; 0 where nothing is."
    yield _gauge("remedy_shredded_in_file_seconds", words, shredded.age(now))


def _key_ages(times: Mapping[str, KeyTimes], now: float) -> Iterator[GaugeMetricFamily]:
    words = "How long ago a process first had a data key that is in use."
    ages = {key_id: _age(each.since, now) for key_id, each in times.items()}
    yield _labelled("remedy_data_key_age_seconds", words, "key", ages)


def _audit(waits: AuditWaits, now: float) -> Iterator[GaugeMetricFamily]:
    yield _gauge("remedy_audit_lines_waiting", "Lines of the audit that wait to be chained.", waits.count)
    yield _gauge("remedy_oldest_audit_line_seconds", "For how long the oldest of them waits.", waits.age(now))


def _budgets(budgets: tuple[BudgetFigures, ...]) -> Iterator[GaugeMetricFamily]:
    labels = ["system", "access"]
    limit = GaugeMetricFamily("remedy_budget_limit", "Requests that a system takes in a window.", labels=labels)
    left = GaugeMetricFamily("remedy_budget_left", "Those of them that are left, as its answers say.", labels=labels)
    waiting = GaugeMetricFamily("remedy_budget_waiting", "Cases that wait for their turn.", labels=labels)
    for each in budgets:
        for family, value in ((limit, each.limit), (left, each.left), (waiting, each.waiting)):
            family.add_metric([each.system, each.access], value)
    yield from (limit, left, waiting)


def _verifying(figures: tuple[VerificationFigures, ...]) -> Iterator[GaugeMetricFamily]:
    words = "Cases that wait for a scan of their site, which is to verify what people mended."
    cases = {each.district: float(each.waiting) for each in figures}
    yield _labelled("remedy_cases_being_verified", words, "district", cases)
    running = {each.district: float(each.running) for each in figures}
    yield _labelled("remedy_verification_scans_running", "Such scans that are under way.", "district", running)


def _age(since: float | None, now: float) -> float:
    return 0.0 if since is None else max(0.0, now - since)


def _gauge(name: str, documentation: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, documentation, value=float(value))


def _labelled(name: str, documentation: str, label: str, values: Mapping[str, float]) -> GaugeMetricFamily:
    family = GaugeMetricFamily(name, documentation, labels=[label])
    for word, value in sorted(values.items()):
        family.add_metric([word], value)
    return family


STORE = StoreMetrics()
REGISTRY.register(STORE)
