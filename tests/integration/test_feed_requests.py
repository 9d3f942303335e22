"""Workers read a feed over real HTTP: one request at a time, and past a page that is never what it states."""

import asyncio
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import httpx2
import pytest
from prometheus_client import REGISTRY

from chaos.school import overlaps
from remediation.domain.errors import Refused, TryLater
from remediation.domain.incidents import Incident
from remediation.domain.walks import SchoolYear, Timetable, WalkKind
from remediation.ports import WalkedFeed
from remediation.read_model.incidents import walk_words
from remediation.sealing import Keyring, generate_key
from remediation.sources.connections import open_client
from remediation.sources.incident_feed.client import WHOLE_CALL_SECONDS, IncidentFeedClient
from remediation.sources.incident_feed.polled import PolledFeed
from remediation.store.incidents.feeds import Feeds, FeedState, PageKept
from remediation.store.server.connection import Connection
from sandbox.incident_feed.behaviour import FeedBehaviour
from sandbox.incident_feed.stand_in import incident_feed_app
from sandbox.incident_feed.world import FeedAccount, IncidentWorld
from sandbox.wire.server import serve
from tests.integration.test_feeds import FIGHT, MemoryFeed
from tests.stand_ins import ManualClock, PlainRulebook
from workers.resources import NamedSystems, WorkerContexts, context_on
from workers.rounds.feeds import ASKED_FOR, TAKEN_IN_PART_AFTER, poll_feeds

FEED = "lakeside/handbook"
TOKEN = "test-only-token-of-the-feed"
TIMETABLE = Timetable(ZoneInfo("UTC"), SchoolYear(8, 1), timedelta(minutes=10), timedelta(days=7), time(2))
SLOW = 0.1


class Served:
    """A feed of three pages, and workers that read it, each with its own connections."""

    def __init__(
        self, connection: Connection, keyring: Keyring, controls: httpx2.Client, address: str, clock: ManualClock
    ) -> None:
        self._connection, self._keyring, self._controls = connection, keyring, controls
        self._address, self._clock = address, clock

    async def poll(self, other: WalkedFeed | None = None) -> None:
        """A round of one more worker, for which mappings.yaml may name another feed, too."""
        async with open_client() as client:
            base = f"{self._address}/public/v1"
            http = IncidentFeedClient(f"incidents:{FEED}", base, TOKEN, client=client, zone=UTC, clock=self._clock)
            feeds: dict[str, WalkedFeed] = {FEED: PolledFeed(FEED, http, TIMETABLE)} | (
                {other.name: other} if other else {}
            )
            named = NamedSystems({}, {}, PlainRulebook(), feeds)
            context = context_on(self._connection, self._keyring, named, self._clock)
            await poll_feeds({"contexts": WorkerContexts(context)})

    def slow(self, seconds: float) -> None:
        order = {"kind": "slow", "seconds": seconds, "times": None}
        assert self._controls.post("faults", json=order).is_success

    def mend(self) -> None:
        assert self._controls.delete("faults").is_success

    def requests(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self._controls.get("requests").json()
        return found

    def pages(self) -> list[str]:
        return [dict(part.split("=") for part in each["query"].split("&"))["page"] for each in self.requests()]

    def miscount(self, page: int) -> None:
        """From now on this page states one incident more than it has."""
        order = {"count_off": 1, "page": page, "times": None}
        assert self._controls.post("spellings", json=order).is_success

    def count_rightly(self) -> None:
        assert self._controls.delete("spellings").is_success

    def break_off(self) -> None:
        """From now on each answer ends in the middle, with a reset."""
        assert self._controls.post("faults", json={"kind": "half", "times": None}).is_success

    async def until_asked(self) -> None:
        """Wait until the feed has a request in hand."""
        async with asyncio.timeout(5):
            while not self.requests():  # noqa: ASYNC110 - it is in another thread
                await asyncio.sleep(0.005)


def value(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, labels) or 0.0


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def address(clock: ManualClock) -> Iterator[str]:
    world = IncidentWorld([FeedAccount("lakeside", (TOKEN,))], clock)
    world.add("lakeside", 3)
    with serve(incident_feed_app(world, FeedBehaviour(page_size=1))) as address:
        yield address


@pytest.fixture
def served(connection: Connection, keyring: Keyring, address: str, clock: ManualClock) -> Iterator[Served]:
    with httpx2.Client(base_url=f"{address}/_sandbox/", trust_env=False) as controls:
        yield Served(connection, keyring, controls, address, clock)


async def test_workers_at_the_same_time_send_one_request_at_a_time(
    served: Served, connection: Connection, clock: ManualClock
) -> None:
    served.slow(SLOW)
    await Feeds(connection).ask(FEED, TIMETABLE.sweep(datetime.fromtimestamp(clock(), UTC)), clock())
    await asyncio.gather(served.poll(), served.poll(), served.poll())
    assert served.pages() == ["1", "2", "3"]
    assert overlaps(served.requests()) == 0


async def test_a_page_that_a_dead_worker_asked_for_is_asked_for_again_once_its_call_is_surely_over(
    served: Served, clock: ManualClock
) -> None:
    served.slow(SLOW)
    killed = asyncio.create_task(served.poll())
    await served.until_asked()
    killed.cancel()
    with suppress(asyncio.CancelledError):
        await killed
    await served.poll()
    assert served.pages() == ["1"]
    clock.pass_by(WHOLE_CALL_SECONDS)
    await served.poll()
    assert served.pages() == ["1"]
    clock.pass_by(ASKED_FOR - WHOLE_CALL_SECONDS)
    await served.poll()
    assert served.pages() == ["1", "1", "2", "3"]


async def test_a_clock_that_was_set_back_holds_nobody_up(served: Served, clock: ManualClock) -> None:
    served.slow(60.0)
    killed = asyncio.create_task(served.poll())
    await served.until_asked()
    killed.cancel()
    with suppress(asyncio.CancelledError):
        await killed
    served.mend()
    clock.pass_by(-3_600.0)
    await served.poll()
    assert served.pages() == ["1", "1", "2", "3"]


async def state_of(connection: Connection) -> FeedState:
    return await Feeds(connection).state(FEED)


async def test_a_page_that_never_is_what_it_states_is_asked_for_less_and_less_often_and_told(
    served: Served, connection: Connection, clock: ManualClock
) -> None:
    served.miscount(2)
    before = value("remedy_feed_pages_total", feed=FEED, outcome="put_off")
    for attempts in range(1, TAKEN_IN_PART_AFTER + 1):
        await served.poll()
        state = await state_of(connection)
        assert (state.attempts, state.trouble) == (
            attempts,
            f"incidents:{FEED}: the page states 2 incidents, and 1 came",
        )
        assert state.wait_until - clock() > 2**attempts / 4
        clock.pass_by(state.wait_until - clock())
    assert value("remedy_feed_pages_total", feed=FEED, outcome="put_off") == before + TAKEN_IN_PART_AFTER
    assert served.pages() == ["1", *["2"] * TAKEN_IN_PART_AFTER]
    assert walk_words(await state_of(connection)).startswith("a sweep is at page 2 of 3; incidents:lakeside/handbook")


async def test_the_other_pages_are_read_then_and_the_walk_does_not_count_as_whole(
    served: Served, connection: Connection, clock: ManualClock
) -> None:
    served.miscount(2)
    torn = value("remedy_feed_pages_total", feed=FEED, outcome="torn")
    for _ in range(TAKEN_IN_PART_AFTER + 1):
        await served.poll()
        clock.pass_by(30.0)
    assert served.pages() == ["1", *["2"] * (TAKEN_IN_PART_AFTER + 1), "3"]
    assert await Feeds(connection).kept(FEED) == 3
    state = await state_of(connection)
    assert (state.walk, state.polled_at, state.swept_at) == (None, None, None)
    assert walk_words(state).endswith(
        "not whole: page 2: incidents:lakeside/handbook: the page states 2 incidents, and 1 came"
    )
    assert value("remedy_feed_pages_total", feed=FEED, outcome="torn") == torn + 1


async def test_another_feed_is_read_meanwhile(served: Served, connection: Connection) -> None:
    served.miscount(1)
    other = MemoryFeed({FIGHT.uuid: FIGHT}, name="lakeside/other")
    await served.poll(other)
    states = Feeds(connection)
    assert ((await states.state(FEED)).attempts, (await states.state(other.name)).swept_at is None) == (1, False)
    assert await states.kept(other.name) == 1


async def test_once_it_is_what_it_states_the_feed_is_whole_again(
    served: Served, connection: Connection, clock: ManualClock
) -> None:
    served.miscount(2)
    for _ in range(TAKEN_IN_PART_AFTER + 1):
        await served.poll()
        clock.pass_by(30.0)
    served.count_rightly()
    await served.poll()
    assert (await state_of(connection)).swept_at is None
    clock.pass_by(3_600.0)
    await served.poll()
    state = await state_of(connection)
    assert (state.swept_at is not None, state.torn) == (True, "")


async def test_an_answer_that_breaks_off_is_never_taken_in_part(
    served: Served, connection: Connection, clock: ManualClock
) -> None:
    served.break_off()
    for _ in range(2 * TAKEN_IN_PART_AFTER):
        await served.poll()
        clock.pass_by(900.0)
    assert set(served.pages()) == {"1"}
    assert (await state_of(connection)).attempts == 2 * TAKEN_IN_PART_AFTER


class Accounts:
    """One feed in mappings.yaml whose token becomes another account's; each account shows incidents of its own."""

    def __init__(self, connection: Connection, keyring: Keyring, clock: ManualClock) -> None:
        self._connection, self._keyring, self._clock = connection, keyring, clock
        self.before = MemoryFeed({each.uuid: each for each in incidents(1, 3)}, size=1, account="before")
        self.after = MemoryFeed({each.uuid: each for each in incidents(4, 6)}, size=1, account="after")

    async def poll(self, feed: MemoryFeed) -> None:
        named = NamedSystems({}, {}, PlainRulebook(), {FEED: feed})
        await poll_feeds({"contexts": WorkerContexts(context_on(self._connection, self._keyring, named, self._clock))})


def incidents(first: int, last: int) -> list[Incident]:
    return [replace(FIGHT, uuid=f"{FIGHT.uuid[:-2]}{number:02}") for number in range(first, last + 1)]


@pytest.fixture
def accounts(connection: Connection, keyring: Keyring, clock: ManualClock) -> Accounts:
    return Accounts(connection, keyring, clock)


async def test_another_account_is_read_from_its_first_page_though_a_walk_was_under_way(
    accounts: Accounts, connection: Connection, clock: ManualClock
) -> None:
    accounts.before.troubles.for_good("page", TryLater("feed", "away", status=503))
    await accounts.poll(accounts.before)
    walk = accounts.before.walks[0]
    assert await Feeds(connection).keep_page(FEED, walk, replace(walk, page=2, pages=3), PageKept({}, []), clock())
    await accounts.poll(accounts.after)
    assert [(each.kind, each.page) for each in accounts.after.walks] == [(WalkKind.SWEEP, page) for page in (1, 2, 3)]
    assert await Feeds(connection).kept(FEED) == 3


async def test_another_account_is_swept_at_once_though_the_one_before_was_swept_tonight(
    accounts: Accounts, connection: Connection, clock: ManualClock
) -> None:
    await accounts.poll(accounts.before)
    clock.pass_by(1.0)
    await accounts.poll(accounts.after)
    assert {each.kind for each in accounts.after.walks} == {WalkKind.SWEEP}
    assert await Feeds(connection).kept(FEED) == 6


async def test_what_the_account_before_refused_does_not_hold_the_next_one_up(
    accounts: Accounts, clock: ManualClock
) -> None:
    accounts.before.troubles.for_good("page", Refused("feed", "no", status=401))
    for _ in range(5):
        await accounts.poll(accounts.before)
        clock.pass_by(60.0)
    await accounts.poll(accounts.after)
    assert len(accounts.after.walks) == 3


async def test_nobody_asks_the_next_account_while_the_one_before_may_still_answer(
    accounts: Accounts, connection: Connection, clock: ManualClock
) -> None:
    accounts.before.troubles.for_good("page", TryLater("feed", "away", status=503))
    await accounts.poll(accounts.before)
    state = await state_of(connection)
    assert state.walk is not None
    assert await Feeds(connection).take_page(FEED, state.walk, ASKED_FOR, clock())
    await accounts.poll(accounts.after)
    assert accounts.after.walks == []
    clock.pass_by(ASKED_FOR)
    await accounts.poll(accounts.after)
    assert len(accounts.after.walks) == 3


async def test_the_same_account_goes_on_after_the_first_data_key_became_another(
    connection: Connection, clock: ManualClock
) -> None:
    first, second = generate_key(), generate_key()
    keyring = Keyring.parse(first)
    accounts = Accounts(connection, keyring, clock)
    await accounts.poll(accounts.before)
    before = (await state_of(connection)).account
    keyring.take(Keyring.parse(f"{second},{first}"))
    clock.pass_by(1.0)
    await accounts.poll(accounts.before)
    state = await state_of(connection)
    assert state.account != before
    assert len(accounts.before.walks) == 3


async def test_a_feed_that_an_earlier_version_read_goes_on(
    accounts: Accounts, connection: Connection, clock: ManualClock
) -> None:
    await accounts.poll(accounts.before)
    await connection.ask(connection.redis.hdel(f"remedy:feed:{FEED}", "account"))
    clock.pass_by(1.0)
    await accounts.poll(accounts.before)
    assert len(accounts.before.walks) == 3
