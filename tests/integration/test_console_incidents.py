"""The page of incidents: feeds, and incidents without what happened in them, for whoever may read of their district."""

import json
import time
from datetime import date

import pytest

from remediation.domain.incidents import Incident, IncidentType, Kept
from remediation.sealing import Keyring
from remediation.store.audit.entries import AuditAct
from remediation.store.incidents.rows import name_of, sealed
from remediation.store.keys import FEED, FEEDS, INCIDENTS
from remediation.store.server.connection import Connection
from tests.integration.console_world import MAPPINGS, OTHERS, OURS, ConsoleWorld

FEED_OF = "incidents: {{handbook: {{url: 'https://{}.example/public/v1', token: {{env: F}}}}}}"
WITH_FEEDS = "\n".join(
    line[:-1] + ", " + FEED_OF.format(line.split(":")[0].strip()) + "}" if "webhook" in line else line
    for line in MAPPINGS.splitlines()
)
FEEDS_OF = {district: f"{district}/handbook" for district in (OURS, OTHERS)}


@pytest.fixture
async def feeds(connection: Connection, keyring: Keyring) -> ConsoleWorld:
    """A console whose districts have a feed each, and in each feed three incidents."""
    world = ConsoleWorld(connection, keyring, WITH_FEEDS)
    now = int(time.time() * 1000)
    for district, feed in FEEDS_OF.items():
        await connection.ask(connection.redis.hset(FEEDS, mapping={feed: now}))
        row = {"known_at": now, "every": 600_000, "polled_at": now - 60_000, "trouble": "TryLater 503"}
        await connection.ask(connection.redis.hset(FEED + feed, mapping=row))
        for number in range(3):
            await keep(world, feed, f"{district}-{number}", is_deleted=number == 2)
    return world


async def keep(world: ConsoleWorld, feed: str, uuid: str, *, is_deleted: bool = False) -> None:
    what = Incident(
        uuid, IncidentType.REFERRAL, is_deleted=is_deleted, day=date(2026, 3, 4), school="SCHOOL7", offenses=("BULLY",)
    )
    row = sealed(Kept(what, int(time.time())), feed, world.keyring)
    await world.connection.ask(world.connection.redis.hset(INCIDENTS + feed, mapping={name_of(uuid): row}))


async def shown(console: ConsoleWorld, path: str, who: str = "viewer", status: int = 200) -> str:
    async with console.client(who) as browser:
        answer = await browser.get(path)
    assert answer.status_code == status, answer.text
    return answer.text


async def test_feeds_are_shown_with_their_lag_and_last_trouble(feeds: ConsoleWorld) -> None:
    page = await shown(feeds, "/incidents")
    assert FEEDS_OF[OURS] in page
    assert "3 incidents kept" in page
    assert "TryLater 503" in page
    assert OTHERS not in page
    assert FEEDS_OF[OTHERS] in await shown(feeds, "/incidents", "viewer of all")
    assert [act for act, _ in await feeds.acts()] == [AuditAct.BEGAN]


async def test_incidents_are_shown_without_what_happened_and_that_leaves_a_line(feeds: ConsoleWorld) -> None:
    page = await shown(feeds, f"/incidents/of/{FEEDS_OF[OURS]}")
    assert f"{OURS}-0" in page
    assert "deleted" in page
    for word in ("SCHOOL7", "BULLY", "2026-03-04"):
        assert word not in page
    assert (AuditAct.READ, "viewer@example.org") in await feeds.acts()


async def test_a_status_chooses(feeds: ConsoleWorld) -> None:
    page = await shown(feeds, f"/incidents/of/{FEEDS_OF[OURS]}?status=gone")
    assert f"{OURS}-2" in page
    assert f"{OURS}-0" not in page
    assert "No incident fits" in await shown(feeds, f"/incidents/of/{FEEDS_OF[OURS]}?status=resolved")
    await shown(feeds, f"/incidents/of/{FEEDS_OF[OURS]}?status=odd", status=400)


async def test_another_districts_feed_is_answered_as_one_that_there_is_not(feeds: ConsoleWorld) -> None:
    hidden = await shown(feeds, f"/incidents/of/{FEEDS_OF[OTHERS]}", status=404)
    assert "There is no such feed." in hidden
    assert "There is no such feed." in await shown(feeds, "/incidents/of/nobody/nothing", status=404)
    await shown(feeds, f"/incidents/of/{FEEDS_OF[OURS]}?after={FEEDS_OF[OTHERS]}/0", status=404)
    await shown(feeds, f"/incidents.csv/{FEEDS_OF[OTHERS]}", status=404)
    assert [act for act, _ in await feeds.acts()] == [AuditAct.BEGAN]


async def test_pages_of_a_feed_go_on(feeds: ConsoleWorld) -> None:
    for number in range(600):
        await keep(feeds, FEEDS_OF[OURS], f"more-{number:04}")
    seen: set[str] = set()
    path = f"/incidents/of/{FEEDS_OF[OURS]}"
    while path:
        page = await shown(feeds, path)
        seen |= {f"more-{number:04}" for number in range(600) if f"more-{number:04}" in page}
        path = page.partition('rel="next"')[0].rpartition('href="')[2].partition('"')[0] if 'rel="next"' in page else ""
    assert len(seen) == 600


async def test_a_file_has_what_the_page_has(feeds: ConsoleWorld) -> None:
    text = await shown(feeds, f"/incidents.json/{FEEDS_OF[OURS]}")
    assert {row["incident"] for row in json.loads(text)["rows"]} == {f"{OURS}-{number}" for number in range(3)}
    for word in ("SCHOOL7", "BULLY", "2026-03-04"):
        assert word not in text
    assert [act for act, _ in await feeds.acts()] == [AuditAct.BEGAN, AuditAct.EXPORTED]


async def test_no_feed_says_what_to_do(console: ConsoleWorld) -> None:
    assert "A feed is named with its district in mappings.yaml" in await shown(console, "/incidents")
