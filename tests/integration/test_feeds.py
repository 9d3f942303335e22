"""A feed of incidents on a real Valkey: what it shows becomes cases, once, whatever happens while it is read."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from remediation.domain.actions import Why
from remediation.domain.cases.records import CaseKey, CaseKind
from remediation.domain.errors import Refused, StoreUnavailable, TryLater, Waiting
from remediation.domain.incidents import Incident, IncidentFlaw, IncidentType
from remediation.domain.policy import Policy
from remediation.domain.status import Status
from remediation.domain.tickets import Reason, Ticket, TicketState
from remediation.domain.walks import Ending, FeedWalk, SchoolYear, Timetable, WalkKind
from remediation.ports import IncidentPage, Rulebook, Tracker
from remediation.queue import Job
from remediation.sealing import Keyring, generate_key
from remediation.sources.incident_feed.source import IncidentSource
from remediation.store.cases.todo import MOST_MARKS
from remediation.store.incidents.feeds import PageKept
from remediation.store.incidents.records import IncidentRecords
from remediation.store.keys import BORN, DIRTY
from remediation.store.server.connection import Connection
from tests.integration.offices import Office
from tests.stand_ins import LATER, ManualClock, PlainRulebook, Troubles
from workers.metrics import FEED_FLAWS, RETRIES, WAITS
from workers.resources import NamedSystems, WorkerContext, context_on
from workers.rounds import feeds
from workers.rounds.feeds import poll_feeds

FEED = "lakeside/handbook"
FIGHT = Incident("8f14e45f-ceea-467f-a0c2-9f2b1d4c6e01", IncidentType.REFERRAL, "1", day=LATER.date(), school="101")
THEFT = replace(FIGHT, uuid="8f14e45f-ceea-467f-a0c2-9f2b1d4c6e02", offenses=("THEFT",))


@dataclass
class MemoryFeed:
    """A feed that shows these incidents, `size` on a page, whatever the window; `walks` tells what was asked for."""

    incidents: dict[str, Incident] = field(default_factory=dict)
    size: int = 1_000
    walks: list[FeedWalk] = field(default_factory=list)
    version: str = ""
    versions: list[str] = field(default_factory=list)
    flaws: Mapping[IncidentFlaw, int] = field(default_factory=dict)
    troubles: Troubles = field(default_factory=Troubles)
    name: str = FEED
    district: str = "lakeside"
    account: str = "test-only-account"
    timetable: Timetable = field(
        default_factory=lambda: Timetable(
            ZoneInfo("UTC"), SchoolYear(8, 1), timedelta(minutes=10), timedelta(days=7), time(2)
        )
    )

    def show(self, *incidents: Incident) -> None:
        self.incidents |= {each.uuid: each for each in incidents}

    async def page(self, walk: FeedWalk, version: str = "", *, in_part: bool = False) -> IncidentPage:
        del in_part
        self.walks.append(walk)
        self.versions.append(version)
        self.troubles.meet("page")
        shown = [*self.incidents.values()]
        start = (walk.page - 1) * self.size
        page = tuple(shown[start : start + self.size])
        return IncidentPage(page, -(-len(shown) // self.size), self.flaws, self.version)


class FeedOffice(Office):
    """An office whose district has a feed, too."""

    def __init__(
        self,
        connection: Connection,
        keyring: Keyring,
        *,
        terms: Policy | None = None,
        trackers: Mapping[str, Tracker] | None = None,
        clock: ManualClock | None = None,
    ) -> None:
        self.feed = MemoryFeed()
        self.feed.show(FIGHT, THEFT)
        rulebook = PlainRulebook("snow", "jira", terms=terms)
        super().__init__(connection, keyring, trackers=trackers, rulebook=rulebook, clock=clock)

    def context_with(self, keyring: Keyring, rulebook: Rulebook) -> WorkerContext:
        records = IncidentRecords(self.connection, keyring)
        source = IncidentSource("lakeside", {FEED: self.feed.timetable.zone}, records)
        sources = {("lakeside", CaseKind.INCIDENT): source}
        return context_on(
            self.connection, keyring, NamedSystems(sources, self.trackers, rulebook, {FEED: self.feed}), self.clock
        )

    async def poll(self, seconds: float = 0.0) -> list[str]:
        """Time passes, and a round reads the feed; then a worker works."""
        self.clock.pass_by(seconds)
        await poll_feeds(self.arq_context)
        return await self.work()

    async def poll_one_page(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """A round that has time for a single page."""
        with monkeypatch.context() as patched:
            patched.setattr(feeds, "READ_FOR", 1e-9)
            await poll_feeds(self.arq_context)

    async def kept_and_dirty(self) -> tuple[int, int]:
        """How many incidents are kept, and how many cases wait to be looked at."""
        return await self.context.feed_states.kept(FEED), await self.redis.zcard(DIRTY)

    async def close(self, incident: Incident, reason: Reason) -> None:
        """Somebody closes its tickets, and the trackers tell of it."""
        for ticket in self.tickets_of(incident):
            tracker = self.snow if ticket.tracker == "snow" else self.jira
            tracker.change(ticket.id, TicketState.DONE, reason, by="ana")
        await self.mark(key_of(incident), None)
        await self.work()

    async def decided(self, incident: Incident) -> Status:
        return (await self.context.source("lakeside", CaseKind.INCIDENT).subject(key_of(incident))).status

    def comments(self, incident: Incident, why: Why) -> list[int]:
        """How many comments of this kind its tickets have."""
        books = {"snow": self.snow.books, "jira": self.jira.books}
        kept = [books[ticket.tracker][ticket.id] for ticket in self.tickets_of(incident)]
        return [sum(why in text for text in each.comments) for each in kept]

    def tickets_of(self, incident: Incident) -> list[Ticket]:
        mark = key_of(incident).mark
        return [*self.snow.of(mark), *self.jira.of(mark)]


def key_of(incident: Incident) -> CaseKey:
    return CaseKey("lakeside", CaseKind.INCIDENT, incident.uuid)


@pytest.fixture
def office(connection: Connection, keyring: Keyring) -> FeedOffice:
    return FeedOffice(connection, keyring)


TEN_MINUTES = 600.0


async def test_each_incident_gets_its_tickets_once_however_often_the_feed_shows_it(office: FeedOffice) -> None:
    assert await office.poll() == [Job.LOOK_AT_CASE] * 2
    assert await office.poll(TEN_MINUTES) == []
    assert await office.poll(86_400.0) == []  # the next sweep
    assert [len(office.tickets_of(each)) for each in (FIGHT, THEFT)] == [2, 2]
    assert await office.decided(FIGHT) is Status.REVIEWING
    assert [walk.kind for walk in office.feed.walks] == [WalkKind.SWEEP, WalkKind.POLL, WalkKind.SWEEP]


async def test_only_an_incident_that_changed_is_looked_at(office: FeedOffice) -> None:
    await office.poll()
    office.feed.show(replace(THEFT, last_modified="2"))
    assert await office.poll(TEN_MINUTES) == [Job.LOOK_AT_CASE]


async def test_nothing_is_asked_of_the_feed_before_it_is_time(office: FeedOffice) -> None:
    await office.poll()
    await office.poll(TEN_MINUTES - 1.0)
    assert len(office.feed.walks) == 1


async def test_an_incident_that_no_rule_takes_is_kept_and_makes_no_case(
    connection: Connection, keyring: Keyring
) -> None:
    office = FeedOffice(connection, keyring)
    office.context = office.context_with(keyring, PlainRulebook())
    assert await office.poll() == []
    assert await office.decided(FIGHT) is Status.OPEN
    assert await office.context.todo.record(key_of(FIGHT).ref) is None


async def test_what_a_feed_shows_lies_sealed_in_redis(office: FeedOffice) -> None:
    office.feed.show(replace(FIGHT, school="ZZPII", offenses=("ZZPII",), weapons=("ZZPII",), last_modified="ZZPII"))
    await office.poll()
    for key in await office.redis.keys():
        assert b"ZZPII" not in (await office.redis.dump(key) or b"")
    assert (await office.context.incidents.find("lakeside", [FEED], FIGHT.uuid)) is not None


async def test_a_long_list_is_read_page_by_page_and_each_page_once(office: FeedOffice) -> None:
    office.feed.size = 1
    assert await office.poll() == [Job.LOOK_AT_CASE] * 2
    assert [walk.page for walk in office.feed.walks] == [1, 2]


async def test_a_page_that_did_not_come_whole_is_read_again_and_the_one_before_is_not(office: FeedOffice) -> None:
    office.feed.size = 1
    cut = TryLater("incidents:lakeside/handbook", "the page is not whole")
    office.feed.troubles.once("page", cut)  # the first call
    assert await office.poll() == []
    assert await office.poll(60.0) == [Job.LOOK_AT_CASE] * 2
    assert [walk.page for walk in office.feed.walks] == [1, 1, 2]


async def test_another_worker_goes_on_where_one_died(office: FeedOffice, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that dies has read a page, and has or has not kept it. The next one knows nothing but the store."""
    office.feed.size = 1
    states = office.context.feed_states
    await office.poll_one_page(monkeypatch)
    walk = (await states.state(FEED)).walk
    assert walk is not None
    assert walk.page == 2
    assert not await states.keep_page(
        FEED, replace(walk, page=1, pages=0), walk, PageKept({"x": b"late"}, []), office.clock()
    )
    await office.poll()
    assert [walk.page for walk in office.feed.walks] == [1, 2]
    assert [len(office.tickets_of(each)) for each in (FIGHT, THEFT)] == [2, 2]


async def test_a_page_of_many_cases_is_kept_in_steps_and_whoever_reads_it_again_finds_these_kept(
    office: FeedOffice, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The process dies in between: an incident is never kept without the mark of its case."""
    count = 2 * MOST_MARKS + 1
    many = [replace(FIGHT, uuid=f"8f14e45f-ceea-467f-a0c2-9f2b1d4{number:05x}") for number in range(count)]
    office.feed.incidents.clear()
    office.feed.show(*many)
    run, scripts = office.connection.run, list[str]()

    async def dying(name: str, *args: str | bytes | float) -> Any:
        scripts.append(name)
        if name == "keep_page":
            raise StoreUnavailable("killed")
        return await run(name, *args)

    with monkeypatch.context() as patched:
        patched.setattr(office.connection, "run", dying)
        await poll_feeds(office.arq_context)
    assert [name for name in scripts if name.startswith("keep")] == ["keep_incidents"] * 2 + ["keep_page"]
    assert await office.kept_and_dirty() == (2 * MOST_MARKS, 2 * MOST_MARKS)
    office.clock.pass_by(feeds.ASKED_FOR)
    await poll_feeds(office.arq_context)
    assert await office.kept_and_dirty() == (count, count)
    assert [walk.page for walk in office.feed.walks] == [1, 1]


async def test_steps_of_a_page_that_another_worker_has_kept_keep_nothing(office: FeedOffice) -> None:
    states, walk = office.context.feed_states, FeedWalk(WalkKind.POLL, LATER.date(), LATER.date())
    await states.begin(FEED, walk, office.clock())
    await states.keep_page(FEED, walk, Ending.WHOLE, PageKept({}, []), office.clock())
    many = [replace(FIGHT, uuid=f"8f14e45f-ceea-467f-a0c2-9f2b1d4{number:05x}") for number in range(MOST_MARKS + 1)]
    late = PageKept({each.uuid: b"late" for each in many}, [(key_of(each), None) for each in many])
    assert not await states.keep_page(FEED, walk, Ending.WHOLE, late, office.clock())
    assert await office.kept_and_dirty() == (0, 0)


@dataclass
class SlowFeed(MemoryFeed):
    """A feed that shows nothing, and takes its time; `at_once`: how many of these were asked at the same time."""

    at_once: list[int] = field(default_factory=list)
    in_hand: list[str] = field(default_factory=list)

    async def page(self, walk: FeedWalk, version: str = "", *, in_part: bool = False) -> IncidentPage:
        self.in_hand.append(self.name)
        self.at_once.append(len(self.in_hand))
        await asyncio.sleep(0.02)
        self.in_hand.remove(self.name)
        return await super().page(walk, version, in_part=in_part)


@pytest.mark.parametrize(("seconds", "in_first_round"), [(60.0, 7), (0.0, 2)])
async def test_of_many_slow_feeds_some_are_read_at_once_and_the_others_later(
    office: FeedOffice, monkeypatch: pytest.MonkeyPatch, seconds: float, in_first_round: int
) -> None:
    at_once, in_hand = list[int](), list[str]()
    slow = [SlowFeed(name=f"lakeside/feed-{n}", at_once=at_once, in_hand=in_hand) for n in range(7)]
    office.context = replace(office.context, feeds={each.name: each for each in slow})
    monkeypatch.setattr(feeds, "AT_ONCE", 2)
    monkeypatch.setattr(feeds, "READ_FOR", seconds)
    await poll_feeds(office.arq_context)
    assert (max(at_once), sum(bool(each.walks) for each in slow)) == (2, in_first_round)
    for _ in range(60):
        await poll_feeds(office.arq_context)
    assert all(each.walks for each in slow)


async def test_a_page_that_did_not_come_is_counted_by_what_must_end_first(office: FeedOffice) -> None:
    system = "incidents:lakeside/handbook"
    office.feed.troubles.once("page", TryLater(system, "busy", status=429, after=3.0))
    before = WAITS.labels(system, Waiting.LIMIT)._value.get(), RETRIES.labels("poll_feeds")._value.get()
    await office.poll()
    await office.poll(60.0)
    after = WAITS.labels(system, Waiting.LIMIT)._value.get(), RETRIES.labels("poll_feeds")._value.get()
    assert after == (before[0] + 1, before[1] + 1)


async def test_a_refused_token_is_told_as_a_trouble_of_the_feed_until_it_answers(office: FeedOffice) -> None:
    system = "incidents:lakeside/handbook"
    office.feed.troubles.for_good("page", TryLater(system, "unauthorized", status=401))
    await office.poll()
    troubles = await office.context.systems.in_trouble()
    assert [(each.system, each.waiting) for each in troubles] == [(system, Waiting.SIGN_IN)]
    office.feed.troubles.heal()
    await office.poll(900.0)
    assert await office.context.systems.in_trouble() == []


async def test_a_feed_that_refuses_is_asked_less_and_less_often(office: FeedOffice) -> None:
    office.feed.troubles.for_good("page", Refused("incidents:lakeside/handbook", "no such page", status=404))
    for _ in range(200):
        await office.poll(30.0)
    assert 5 < len(office.feed.walks) < 20


async def test_a_closed_ticket_ends_the_incident_in_our_own_row(office: FeedOffice) -> None:
    await office.poll()
    await office.close(FIGHT, Reason.FIXED)
    assert await office.decided(FIGHT) is Status.RESOLVED
    office.feed.show(replace(FIGHT, last_modified="2"))
    await office.poll(TEN_MINUTES)
    assert await office.decided(FIGHT) is Status.RESOLVED
    assert {ticket.state for ticket in office.tickets_of(FIGHT)} == {TicketState.DONE}


async def test_after_a_loss_of_redis_a_closed_ticket_is_not_taken_for_found_again(office: FeedOffice) -> None:
    await office.poll()
    await office.close(FIGHT, Reason.FIXED)
    await office.redis.flushall()
    await office.context.connection.begin(office.clock())
    await office.poll(TEN_MINUTES)
    await office.later()
    assert {ticket.state for ticket in office.tickets_of(FIGHT)} == {TicketState.DONE}
    assert len(office.tickets_of(FIGHT)) == 2
    assert await office.decided(FIGHT) is Status.RESOLVED
    assert {ticket.state for ticket in office.tickets_of(THEFT)} == {TicketState.OPEN}
    assert len(office.tickets_of(THEFT)) == 2


async def test_after_a_loss_of_redis_a_closing_that_does_not_count_leaves_the_incident_under_review(
    office: FeedOffice,
) -> None:
    await office.poll()
    await office.close(FIGHT, Reason.CANCELLED)
    await office.redis.flushall()
    await office.context.connection.begin(office.clock())
    await office.poll(TEN_MINUTES)
    await office.later()
    assert await office.decided(FIGHT) is Status.REVIEWING
    assert {ticket.state for ticket in office.tickets_of(FIGHT)} == {TicketState.DONE}


async def test_tickets_of_an_incident_that_was_deleted_around_a_loss_of_redis_are_closed(
    connection: Connection, keyring: Keyring
) -> None:
    office = FeedOffice(connection, keyring, terms=Policy(rule="weapons", closes_gone=True))
    await office.poll()
    office.feed.show(replace(FIGHT, is_deleted=True, last_modified="2"))
    await office.redis.flushall()
    await office.context.connection.begin(office.clock())
    await office.poll(TEN_MINUTES)
    await office.later()
    assert [ticket.state for ticket in office.tickets_of(FIGHT)] == [TicketState.DONE] * 2
    assert [ticket.state for ticket in office.tickets_of(THEFT)] == [TicketState.OPEN] * 2


async def test_after_a_loss_of_redis_nothing_is_concluded_before_the_feed_was_swept(office: FeedOffice) -> None:
    await office.poll()
    await office.redis.flushall()
    await office.context.connection.begin(office.clock())
    office.feed.troubles.for_good("page", TryLater("incidents:lakeside/handbook", "away"))
    await office.mark(key_of(FIGHT))  # a ticket's webhook, say
    await office.work()
    assert (await office.record(key_of(FIGHT))).attempts == 1
    with pytest.raises(TryLater):
        await office.decided(FIGHT)
    assert {ticket.state for ticket in office.tickets_of(FIGHT)} == {TicketState.OPEN}


async def test_an_incident_that_no_sweep_shows_is_not_gone(office: FeedOffice) -> None:
    await office.poll()
    office.feed.incidents.clear()
    await office.redis.flushall()
    await office.context.connection.begin(office.clock())
    await office.poll(TEN_MINUTES)
    await office.mark(key_of(FIGHT))
    await office.work()
    assert await office.decided(FIGHT) is Status.UNKNOWN
    assert {ticket.state for ticket in office.tickets_of(FIGHT)} == {TicketState.OPEN}


async def test_a_deleted_incident_closes_its_tickets_and_one_that_comes_back_opens_them_again(
    connection: Connection, keyring: Keyring
) -> None:
    office = FeedOffice(connection, keyring, terms=Policy(rule="weapons", closes_gone=True))
    await office.poll()
    office.feed.show(replace(FIGHT, is_deleted=True, last_modified="2"))
    await office.poll(TEN_MINUTES)
    assert {ticket.state for ticket in office.tickets_of(FIGHT)} == {TicketState.DONE}
    office.feed.show(replace(FIGHT, last_modified="3"))
    await office.poll(TEN_MINUTES)
    assert {ticket.state for ticket in office.tickets_of(FIGHT)} == {TicketState.OPEN}
    assert len(office.tickets_of(FIGHT)) == 2
    assert await office.decided(FIGHT) is Status.REVIEWING


async def test_a_deleted_incident_that_was_never_a_case_makes_none(office: FeedOffice) -> None:
    await office.poll()
    office.feed.incidents = {"x": replace(FIGHT, uuid=FIGHT.uuid[:-1] + "9", is_deleted=True)}
    assert await office.poll(TEN_MINUTES) == []


async def test_a_deleted_incident_is_looked_at_once_in_the_first_sweep_and_opens_nothing(office: FeedOffice) -> None:
    office.feed.incidents = {FIGHT.uuid: replace(FIGHT, is_deleted=True)}
    assert await office.poll() == [Job.LOOK_AT_CASE]
    assert await office.later() == []
    assert await office.poll(86_400.0) == []
    assert office.tickets_of(FIGHT) == []


async def test_where_nobody_can_read_whether_it_is_deleted_it_is_as_it_was(office: FeedOffice) -> None:
    await office.poll()
    office.feed.show(replace(FIGHT, is_deleted=None))
    assert await office.poll(TEN_MINUTES) == []
    assert await office.decided(FIGHT) is Status.REVIEWING


async def test_a_row_whose_data_key_is_gone_is_parked_and_written_anew_when_the_feed_shows_it(
    office: FeedOffice,
) -> None:
    await office.poll()
    office.context = office.context_with(Keyring.parse(generate_key()), office.context.rulebook)
    with pytest.raises(Refused, match="DATA_KEYS"):
        await office.decided(FIGHT)
    await office.poll(TEN_MINUTES)
    assert await office.decided(FIGHT) is Status.REVIEWING


async def test_every_kept_incident_is_listed(office: FeedOffice) -> None:
    await office.poll()
    source = office.context.source("lakeside", CaseKind.INCIDENT)
    page = await source.page({}, None)
    assert {subject.key for subject in page.subjects} == {key_of(FIGHT), key_of(THEFT)}
    assert page.cursor is None


async def test_a_list_says_of_an_incident_what_a_look_says(office: FeedOffice) -> None:
    await office.poll()
    office.feed.show(replace(FIGHT, weapons=("99",)))
    await office.poll(TEN_MINUTES)
    source = office.context.source("lakeside", CaseKind.INCIDENT)
    listed = {subject.key: subject for subject in (await source.page({}, None)).subjects}
    told = listed[key_of(FIGHT)].told
    assert told is not None
    assert (told.incident, len(told.key)) == (FIGHT, 16)
    assert listed == {key: await source.subject(key) for key in listed}


async def test_a_case_without_a_feed_waits_for_the_feeds_and_not_for_the_account(office: FeedOffice) -> None:
    await office.poll()
    office.context = replace(office.context, sources={})
    with pytest.raises(TryLater) as caught:
        office.context.source("lakeside", CaseKind.INCIDENT)
    assert (caught.value.system, caught.value.waiting) == ("incidents:lakeside", Waiting.UNNAMED)


async def test_what_could_not_be_read_is_counted_and_nothing_of_it_is_told(office: FeedOffice) -> None:
    office.feed.flaws = {IncidentFlaw.DATE: 3}
    before = FEED_FLAWS.labels(FEED, "date")._value.get()
    await office.poll()
    assert FEED_FLAWS.labels(FEED, "date")._value.get() == before + 3


async def test_a_store_that_came_back_with_a_backup_is_not_taken_for_swept(office: FeedOffice) -> None:
    await office.poll()
    await office.redis.set(BORN, int(office.clock() * 1000) + 1)  # it began again after the sweep
    await office.poll(60.0)
    assert [walk.kind for walk in office.feed.walks] == [WalkKind.SWEEP, WalkKind.SWEEP]


async def test_a_feed_is_told_the_version_of_each_page_that_was_kept(office: FeedOffice) -> None:
    office.feed.version = "one"
    await office.poll()
    stored = await office.connection.ask(office.redis.hget(f"remedy:feed:{FEED}", "version:1"))
    assert stored is not None
    assert stored.startswith(b"sealed "), "they are the feed's own words"
    office.feed.version = ""
    await office.poll(TEN_MINUTES)
    await office.poll(TEN_MINUTES)
    assert office.feed.versions == ["", "one", ""]


async def test_a_change_is_told_once_on_each_ticket_and_not_again(office: FeedOffice) -> None:
    await office.poll()
    office.feed.show(replace(FIGHT, weapons=("KNIFE",), last_modified="2"))
    await office.poll(TEN_MINUTES)
    assert office.comments(FIGHT, Why.INCIDENT_CHANGED) == [1, 1]
    office.feed.show(replace(FIGHT, weapons=("KNIFE",), last_modified="3"))
    await office.poll(TEN_MINUTES)
    assert office.comments(FIGHT, Why.INCIDENT_CHANGED) == [1, 1]
    office.feed.show(replace(FIGHT, weapons=("GUN",), last_modified="4"))
    await office.poll(TEN_MINUTES)
    assert office.comments(FIGHT, Why.INCIDENT_CHANGED) == [2, 2]


@pytest.mark.parametrize("closes", [True, False])
async def test_a_change_is_not_told_again_when_a_deleted_incident_comes_back(
    connection: Connection, keyring: Keyring, *, closes: bool
) -> None:
    office = FeedOffice(connection, keyring, terms=Policy(rule="weapons", closes_gone=closes))
    await office.poll()
    changed = replace(FIGHT, weapons=("KNIFE",), last_modified="2")
    for shown in (changed, replace(changed, is_deleted=True), changed, replace(changed, is_deleted=True), changed):
        office.feed.show(shown)
        await office.poll(TEN_MINUTES)
        assert office.comments(FIGHT, Why.INCIDENT_CHANGED) == [1, 1]
    assert office.comments(FIGHT, Why.FINDING_GONE) == [2, 2]


async def test_a_ticket_in_a_tracker_that_left_the_rule_stays_and_is_told_so(
    office: FeedOffice, keyring: Keyring
) -> None:
    await office.poll()
    only_jira = PlainRulebook("jira", terms=Policy(rule="referrals"))
    office.context = office.context_with(keyring, only_jira)
    office.feed.show(replace(FIGHT, last_modified="2"))
    await office.poll(TEN_MINUTES)
    assert [ticket.state for ticket in office.tickets_of(FIGHT)] == [TicketState.OPEN] * 2
    assert office.comments(FIGHT, Why.RULE_CHANGED) == [1, 0]
    office.feed.show(replace(FIGHT, last_modified="3"))
    await office.poll(TEN_MINUTES)
    assert office.comments(FIGHT, Why.RULE_CHANGED) == [1, 0]
