"""A feed as the rounds read it, over real HTTP: every page of a walk, and no page again that is known."""

import json
from collections.abc import AsyncIterator
from datetime import UTC, date, time, timedelta
from zoneinfo import ZoneInfo

import httpx2
import pytest

from remediation.domain.errors import TryLater
from remediation.domain.walks import Ending, FeedWalk, SchoolYear, Timetable, WalkKind
from remediation.ports import IncidentPage
from remediation.sources.connections import open_client
from remediation.sources.incident_feed.client import IncidentFeedClient
from remediation.sources.incident_feed.pages import PAGE_SIZE
from remediation.sources.incident_feed.polled import PolledFeed
from sandbox.incident_feed.behaviour import FeedBehaviour
from sandbox.incident_feed.stand_in import incident_feed_app
from sandbox.incident_feed.world import FeedAccount, IncidentWorld
from sandbox.wire.server import serve

TOKEN = "test-only-token-of-the-feed"
OTHER_TOKEN = "test-only-token-of-another-account"
NOW = 1_776_279_731.0
WALK = FeedWalk(WalkKind.SWEEP, date(2025, 8, 1), date(2026, 7, 31))
TIMETABLE = Timetable(ZoneInfo("UTC"), SchoolYear(8, 1), timedelta(minutes=10), timedelta(days=7), time(2))


@pytest.fixture
def world() -> IncidentWorld:
    return IncidentWorld([FeedAccount("lakeside", (TOKEN,)), FeedAccount("hillside", (OTHER_TOKEN,))], lambda: NOW)


def feed_of(address: str, token: str, client: httpx2.AsyncClient) -> PolledFeed:
    """The feed at this address, over the client."""
    http = IncidentFeedClient("incidents:lakeside/handbook", address, token, client=client, zone=UTC)
    return PolledFeed("lakeside/handbook", http, TIMETABLE)


class Served:
    """The feed over the wire, and what its server was asked."""

    def __init__(self, feed: PolledFeed, controls: httpx2.Client, address: str, client: httpx2.AsyncClient) -> None:
        self.feed, self._controls, self._address, self._client = feed, controls, address, client

    def with_token(self, token: str) -> PolledFeed:
        """The feed with another token, at the same address."""
        return feed_of(f"{self._address}/public/v1", token, self._client)

    def order(self, path: str, **order: object) -> None:
        assert self._controls.request("PATCH" if path == "settings" else "POST", path, json=order).is_success

    async def walk(self, versions: dict[int, str] | None = None) -> tuple[list[IncidentPage], dict[int, str]]:
        """Every page of a walk, read with the versions of one before, and the versions that they have."""
        walk, pages, new = WALK, [], {}
        while True:
            page = await self.feed.page(walk, (versions or {}).get(walk.page, ""))
            pages.append(page)
            new[walk.page] = page.version
            following = walk.after(page.pages)
            if isinstance(following, Ending):
                assert following is Ending.WHOLE
                return pages, new
            walk = following


@pytest.fixture
async def served(world: IncidentWorld) -> AsyncIterator[Served]:
    with serve(incident_feed_app(world, FeedBehaviour(page_size=10))) as address:
        async with open_client() as client:
            with httpx2.Client(base_url=f"{address}/_sandbox/", trust_env=False) as controls:
                yield Served(feed_of(f"{address}/public/v1", TOKEN, client), controls, address, client)


def uuids(pages: list[IncidentPage]) -> list[str]:
    return [incident.uuid for page in pages for incident in page.incidents]


async def test_a_walk_reads_every_incident_of_its_window_once(served: Served, world: IncidentWorld) -> None:
    added = world.add("lakeside", 23)
    pages, _ = await served.walk()
    assert sorted(uuids(pages)) == sorted(added)
    assert [page.pages for page in pages] == [3, 3, 3]


async def test_pages_that_are_still_the_same_are_not_sent_again(served: Served, world: IncidentWorld) -> None:
    served.order("settings", etags=True)
    added = world.add("lakeside", 23)
    _, versions = await served.walk()
    pages, again = await served.walk(versions)
    assert (uuids(pages), again) == ([], versions)
    assert [page.pages for page in pages] == [3, 3, 3]
    world.bounce(added[0])
    changed, _ = await served.walk(versions)
    assert added[0] in uuids(changed)
    assert len(uuids(changed)) == 10


async def test_a_version_of_another_window_says_nothing_of_this_one(served: Served, world: IncidentWorld) -> None:
    served.order("settings", etags=True)
    world.add("lakeside", 1)
    _, versions = await served.walk()
    poll = FeedWalk(WalkKind.POLL, date(2025, 9, 1), WALK.until)
    assert (await served.feed.page(poll, versions[1])).incidents


async def test_a_version_of_another_account_says_nothing_of_this_one(served: Served, world: IncidentWorld) -> None:
    served.order("settings", last_modified=True)
    world.add("lakeside", 1)
    (others,) = world.add("hillside", 1)
    _, versions = await served.walk()
    assert uuids([await served.with_token(OTHER_TOKEN).page(WALK, versions[1])]) == [others]


async def test_a_version_that_an_earlier_release_kept_has_the_page_read(served: Served, world: IncidentWorld) -> None:
    world.add("lakeside", 1)
    earlier = json.dumps([WALK.since.isoformat(), WALK.until.isoformat(), 1, '"etag"', None])
    assert (await served.feed.page(WALK, earlier)).incidents


async def test_a_full_page_that_states_nothing_is_followed_by_another_also_where_one_of_it_has_no_id() -> None:
    members = "".join(f'<incident uuid="{number}"/>' for number in range(PAGE_SIZE - 1))
    body = f"<incidents>{members}<incident/></incidents>"
    answers = httpx2.MockTransport(lambda _request: httpx2.Response(200, content=body.encode()))
    async with httpx2.AsyncClient(transport=answers) as client:
        page = await feed_of("https://feed.example", TOKEN, client).page(WALK)
    assert page.pages == 2


async def test_a_feed_without_versions_has_none(served: Served, world: IncidentWorld) -> None:
    world.add("lakeside", 1)
    assert (await served.feed.page(WALK)).version == ""


async def test_a_page_that_is_not_whole_is_for_later(served: Served, world: IncidentWorld) -> None:
    world.add("lakeside", 23)
    served.order("faults", kind="cut")
    with pytest.raises(TryLater):
        await served.feed.page(WALK)


def test_it_belongs_to_the_district_in_its_name(served: Served) -> None:
    assert served.feed.district == "lakeside"
