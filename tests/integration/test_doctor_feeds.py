"""`remedy doctor` and the metrics about feeds of incidents: how far each was read, and what it waits for."""

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from remediation.domain.incidents import Incident, Kept
from remediation.domain.walks import FeedWalk, WalkKind
from remediation.operations.examining.codes import Code
from remediation.redis_address import RedisAddress
from remediation.sealing import Keyring, generate_key
from remediation.store.deliveries.sealed import sealed_under
from remediation.store.incidents.feeds import Feeds
from remediation.store.incidents.figures import FeedFigures, feed_figures
from remediation.store.incidents.records import IncidentRecords
from remediation.store.keys import FEED, FEEDS, INCIDENTS
from remediation.store.server.connection import Connection
from remedy.runtime.assembly import open_connection
from remedy.telemetry.store_metrics import STORE, StoreReader
from sandbox.incident_feed.stand_in import incident_feed_app
from sandbox.incident_feed.world import FeedAccount, IncidentWorld
from sandbox.wire.server import serve
from tests.integration.clinic import Clinic, stand_ins
from tests.stand_ins import LATER

TOKEN = "test-only-token-of-the-feed"
NAME = "lakeside/handbook"
HOUR = 3600.0


@pytest.fixture(scope="module")
def outside() -> Iterator[dict[str, str]]:
    world = IncidentWorld([FeedAccount("lakeside", (TOKEN,))], time.time)
    with stand_ins() as addresses, serve(incident_feed_app(world)) as feed:
        yield {**addresses, "FEED": feed}


@pytest.fixture
def clinic(tmp_path: Path, redis_url: str, outside: dict[str, str]) -> Clinic:
    clinic = Clinic(tmp_path, redis_url, outside)
    words = f"    incidents: {{handbook: {{url: {outside['FEED']}/public/v1, token: {{env: FEED_TOKEN}}}}}}\ntrackers:"
    clinic.mappings = clinic.mappings.replace("trackers:", words, 1)
    clinic.environment["FEED_TOKEN"] = TOKEN
    clinic.begin()
    return clinic


def read(clinic: Clinic, **state: float) -> None:
    """What is known of the feed: times as spans before now."""

    async def written() -> None:
        async with open_connection(RedisAddress.parse(clinic.redis_url), socket_timeout=2.0, retries=0) as connection:
            times = {name: int((time.time() - span) * 1000) for name, span in state.items()}
            await connection.ask(connection.redis.hset(FEED + NAME, mapping=times))

    asyncio.run(written())


def told(clinic: Clinic, what: str) -> tuple[str, str]:
    (found,) = (check for check in clinic.checks() if check["what"] == what)
    return str(found["code"]), str(found["says"])


def test_a_feed_that_was_just_read_is_well(clinic: Clinic) -> None:
    read(clinic, known_at=50 * HOUR, polled_at=60.0, swept_at=20 * HOUR)
    code, says = told(clinic, f"reading {NAME}")
    assert (code, says.endswith("0 incidents kept; nothing is being read")) == ("", True)


@pytest.mark.parametrize(
    ("state", "code", "words"),
    [
        ({}, Code.FEED_UNSWEPT, "never read, its year never (since Redis began)"),
        ({"known_at": 2 * HOUR}, Code.FEED_UNREAD, "due since 1 h 50 min"),
        ({"polled_at": 3 * HOUR, "swept_at": 20 * HOUR}, Code.FEED_UNREAD, "due since 2 h 50 min"),
        ({"polled_at": 60.0, "swept_at": 49 * HOUR}, Code.FEED_UNSWEPT, "last read"),
    ],
)
def test_a_feed_that_stands_still_is_told(clinic: Clinic, state: dict[str, float], code: str, words: str) -> None:
    read(clinic, **state or {"ended_at": 0.0})
    found, says = told(clinic, f"reading {NAME}")
    assert (found, words in says) == (code, True), says


def test_what_the_feed_waits_for_is_told(clinic: Clinic) -> None:
    async def put_off() -> None:
        async with open_connection(RedisAddress.parse(clinic.redis_url), socket_timeout=2.0, retries=0) as connection:
            feeds, walk = Feeds(connection), FeedWalk(WalkKind.POLL, LATER.date(), LATER.date())
            await feeds.begin(NAME, walk, time.time())
            await feeds.put_off(NAME, walk, time.time() + 60, "incidents:lakeside/handbook: 404: there is no feed")

    asyncio.run(put_off())
    _, says = told(clinic, f"reading {NAME}")
    assert "a poll is at page 1; incidents:lakeside/handbook: 404: there is no feed, asked again after" in says


async def test_metrics_tell_of_the_feeds_that_are_named_and_of_no_others(connection: Connection) -> None:
    now = 1_800_000_000.0
    await connection.ask(
        connection.redis.hset(
            FEEDS, mapping={NAME: int(now * 1000), "lakeside/new": int(now * 1000), "lakeside/former": 1}
        )
    )
    row = {"known_at": 1_000, "every": 600_000, "polled_at": int((now - 900) * 1000), "swept_at": 5_000}
    await connection.ask(connection.redis.hset(FEED + NAME, mapping=row))
    await connection.ask(
        connection.redis.hset(FEED + "lakeside/new", mapping={"known_at": int(now * 1000), "every": 60_000})
    )
    await connection.ask(connection.redis.hset(INCIDENTS + NAME, "one", "row"))
    assert await feed_figures(connection) == [
        FeedFigures(NAME, 1, 1.0, 600.0, now - 900, 5.0),
        FeedFigures("lakeside/new", 0, now, 60.0, None, None),
    ]
    await StoreReader(connection, lambda: now, allow_weak_durability=True).refresh()
    shown = {
        (sample.name, sample.labels["feed"]): sample.value
        for family in STORE.collect()
        for sample in family.samples
        if "feed" in sample.labels
    }
    assert shown == {
        ("remedy_feed_polled_timestamp_seconds", NAME): now - 900,
        ("remedy_feed_swept_timestamp_seconds", NAME): 5.0,
        ("remedy_feed_overdue_seconds", NAME): 300.0,
        ("remedy_feed_overdue_seconds", "lakeside/new"): 0.0,
        ("remedy_incidents_kept", NAME): 1.0,
        ("remedy_incidents_kept", "lakeside/new"): 0.0,
    }


def test_a_page_that_was_taken_in_part_is_told_and_fails_once_the_feed_is_overdue(clinic: Clinic) -> None:
    async def torn() -> None:
        async with open_connection(RedisAddress.parse(clinic.redis_url), socket_timeout=2.0, retries=0) as connection:
            await connection.ask(connection.redis.hset(FEED + NAME, "torn", "page 7: the page states 5, and 4 came"))

    asyncio.run(torn())
    read(clinic, known_at=50 * HOUR, polled_at=60.0, swept_at=20 * HOUR)
    code, says = told(clinic, f"reading {NAME}")
    assert (code, says.endswith("; not whole: page 7: the page states 5, and 4 came")) == ("", True)
    read(clinic, polled_at=2 * HOUR)
    code, says = told(clinic, f"reading {NAME}")
    assert (code, "not whole: page 7" in says) == (Code.FEED_UNREAD, True)


async def test_a_key_that_seals_incidents_and_is_missing_is_told(connection: Connection, keyring: Keyring) -> None:
    await connection.ask(connection.redis.hset(FEEDS, NAME, "1"))
    rows = IncidentRecords(connection, keyring).rows_of(NAME, [Kept(Incident("8f14e45f-ceea-467f-a0c2-9f2b1d4c6e01"))])
    await connection.ask(connection.redis.hset(INCIDENTS + NAME, mapping=dict(rows)))
    assert [(each.count, each.opens) for each in await sealed_under(connection, keyring)] == [(1, True)]
    other = Keyring.parse(generate_key())
    assert [each.opens for each in await sealed_under(connection, other)] == [None]
