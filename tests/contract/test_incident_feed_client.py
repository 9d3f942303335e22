"""The client of the incident feed over real HTTP: what it promises, against the stand-in with and without faults."""

import asyncio
import gzip
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractContextManager
from datetime import UTC, date
from pathlib import Path
from typing import Any

import httpx2
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from remediation.domain.errors import ConfigurationError, OutsideError, Refused, TryLater, Waiting
from remediation.domain.incidents import IncidentFlaw, IncidentType
from remediation.mapping.explain.inspections import InspectionOutcome
from remediation.mapping.reading.loading import load_mappings
from remediation.sources.connections import open_client
from remediation.sources.incident_feed import client as incident_feed_client
from remediation.sources.incident_feed.answers import system_of
from remediation.sources.incident_feed.client import IncidentFeedClient
from remediation.sources.incident_feed.inspection import FeedInspector
from remediation.sources.incident_feed.pages import FeedPage, Validators, Window
from sandbox.incident_feed.behaviour import FeedBehaviour
from sandbox.incident_feed.stand_in import incident_feed_app
from sandbox.incident_feed.world import FeedAccount, IncidentWorld
from sandbox.wire.server import serve
from tests.incident_pages import member, page

TOKEN = "test-only-token-of-the-feed"
SYSTEM = "incidents:lakeside/handbook"
NOW = 1_776_279_731.0
MAPPINGS = load_mappings(Path(__file__).parents[2] / "mappings.yaml").mappings
YEAR = Window(date(2025, 8, 1), date(2026, 7, 31))


class Controls:
    """Tells the stand-in what to do."""

    def __init__(self, address: str) -> None:
        self.address = address
        self._client = httpx2.Client(base_url=f"{address}/_sandbox/", trust_env=False, timeout=10)

    def send(self, method: str, path: str, /, **order: object) -> Any:
        answer = self._client.request(method, path, json=order or None)
        assert answer.is_success, answer.text
        return answer.json() if answer.content else None

    def add(self, *changes: object) -> list[str]:
        return list(self.send("POST", "incidents", incidents=list(changes))["incidents"])

    def fault(self, **fault: object) -> None:
        self.send("POST", "faults", **fault)

    def requests(self) -> list[dict[str, Any]]:
        return list(self.send("GET", "requests"))

    def close(self) -> None:
        self._client.close()


@pytest.fixture
def controls() -> Iterator[Controls]:
    world = IncidentWorld([FeedAccount("lakeside", (TOKEN,))], lambda: NOW)
    with serve(incident_feed_app(world, FeedBehaviour(page_size=10))) as address:
        controls = Controls(address)
        yield controls
        controls.close()


@pytest.fixture
async def client() -> AsyncIterator[httpx2.AsyncClient]:
    async with open_client() as client:
        yield client


def feed_at(address: str, client: httpx2.AsyncClient, token: str = TOKEN, **options: Any) -> IncidentFeedClient:
    return IncidentFeedClient(
        SYSTEM, address, token, client=client, zone=UTC, page_size=10, clock=lambda: NOW, **options
    )


@pytest.fixture
def feed(controls: Controls, client: httpx2.AsyncClient) -> IncidentFeedClient:
    return feed_at(f"{controls.address}/public/v1/", client)


async def read(feed: IncidentFeedClient, number: int = 1, **asked: Any) -> FeedPage:
    found = await feed.page(number, YEAR, **asked)
    assert found is not None
    return found


async def failure(feed: IncidentFeedClient, **asked: Any) -> OutsideError:
    with pytest.raises(OutsideError) as caught:
        await feed.page(1, YEAR, **asked)
    return caught.value


Answer = Callable[[Request], Awaitable[Response]]


def serving(answer: Answer) -> AbstractContextManager[str]:
    return serve(Starlette(routes=[Route("/incidents.xml", answer)]))


def test_a_feed_is_called_by_its_district_and_its_name() -> None:
    assert system_of("lakeside/handbook") == SYSTEM


async def test_every_page_of_a_window_is_read(feed: IncidentFeedClient, controls: Controls) -> None:
    added = controls.add(*[{"type": "minor"}] * 23)
    pages = [await read(feed, number) for number in (1, 2, 3)]
    assert [(each.number, each.total_pages, len(each.incidents)) for each in pages] == [
        (1, 3, 10),
        (2, 3, 10),
        (3, 3, 3),
    ]
    assert {incident.uuid for each in pages for incident in each.incidents} == set(added)
    assert [each.trouble for each in pages] == [None] * 3
    entry = controls.requests()[0]
    assert (entry["method"], entry["path"]) == ("GET", "/public/v1/incidents.xml")
    assert entry["query"] == "page=1&from=2025-08-01&to=2026-07-31&deleted=1"
    assert entry["user_agent"].startswith("remedy")
    assert entry["scheme"] == "Bearer"


async def test_both_ways_of_counting_are_believed(feed: IncidentFeedClient, controls: Controls) -> None:
    controls.send("PATCH", "settings", counted="all")
    controls.add(*[{}] * 23)
    assert [(await read(feed, number)).trouble for number in (1, 2, 3, 4)] == [None] * 4


async def test_a_page_beyond_the_last_one_is_empty(feed: IncidentFeedClient, controls: Controls) -> None:
    controls.add({})
    beyond = await read(feed, 2)
    assert (beyond.incidents, beyond.total_pages, beyond.trouble) == ((), 1, None)


async def test_a_type_can_be_asked_for_and_deleted_incidents_left_out(
    feed: IncidentFeedClient, controls: Controls
) -> None:
    minor, referral, deleted = controls.add({"type": "minor"}, {"type": "referral"}, {"type": "minor"})
    controls.send("POST", f"incidents/{deleted}/delete")
    everything = {each.uuid: each for each in (await read(feed)).incidents}
    assert everything.keys() == {minor, referral, deleted}
    assert (everything[deleted].is_deleted, everything[minor].is_deleted) == (True, False)
    assert {each.uuid for each in (await read(feed, kind=IncidentType.MINOR)).incidents} == {minor, deleted}
    assert [each.uuid for each in (await read(feed, kind=IncidentType.MINOR, deleted=False)).incidents] == [minor]


async def test_a_type_that_is_none_is_never_asked_for(feed: IncidentFeedClient, controls: Controls) -> None:
    assert type(await failure(feed, kind=IncidentType.UNKNOWN)) is Refused
    assert controls.requests() == []


@pytest.mark.parametrize(
    ("setting", "validator"), [({"etags": True}, "etag"), ({"last_modified": True}, "last_modified")]
)
async def test_a_page_that_has_not_changed_is_not_sent_again(
    feed: IncidentFeedClient, controls: Controls, setting: dict[str, bool], validator: str
) -> None:
    controls.send("PATCH", "settings", **setting)
    controls.add({})
    known = (await read(feed)).validators
    assert getattr(known, validator) is not None
    assert await feed.page(1, YEAR, known=known) is None
    assert controls.requests()[-1]["status"] == 304
    if validator == "etag":
        controls.add({})
        assert len((await read(feed, known=known)).incidents) == 2


async def test_nobody_asked_whether_the_page_has_changed(feed: IncidentFeedClient, controls: Controls) -> None:
    controls.fault(kind="status", status=304)
    error = await failure(feed, known=Validators())
    assert (type(error), error.status) == (TryLater, 304)


async def test_a_wrong_token_is_a_sign_in_that_fails(controls: Controls, client: httpx2.AsyncClient) -> None:
    error = await failure(feed_at(f"{controls.address}/public/v1", client, "test-only-other"))
    assert isinstance(error, TryLater)
    assert (error.system, error.status, error.waiting) == (SYSTEM, 401, Waiting.SIGN_IN)
    assert str(error) == f"{SYSTEM}: 401: the feed does not accept the token"


@pytest.mark.parametrize("token", ["", "a b", "a\nb", "é"])
async def test_a_token_that_no_header_can_carry_stops_the_start(token: str, client: httpx2.AsyncClient) -> None:
    with pytest.raises(ConfigurationError) as caught:
        feed_at("http://127.0.0.1:1", client, token)
    assert token == "" or token not in str(caught.value)


@pytest.mark.parametrize(
    ("status", "kind", "waiting"),
    [
        (403, TryLater, Waiting.SIGN_IN),
        (404, TryLater, Waiting.AWAY),
        (400, Refused, None),
        (500, TryLater, Waiting.AWAY),
        (302, TryLater, Waiting.AWAY),
        (204, TryLater, Waiting.AWAY),
    ],
)
async def test_a_refusal_is_told_by_its_status(
    feed: IncidentFeedClient, controls: Controls, status: int, kind: type[OutsideError], waiting: Waiting | None
) -> None:
    controls.fault(kind="status", status=status, headers={"Location": f"{controls.address}/public/v1/incidents.xml"})
    error = await failure(feed)
    assert (type(error), error.status, getattr(error, "waiting", None)) == (kind, status, waiting)
    assert len(controls.requests()) == 1


async def test_a_429_says_how_long_to_wait(feed: IncidentFeedClient, controls: Controls) -> None:
    controls.fault(kind="status", status=429, headers={"Retry-After": "77"})
    error = await failure(feed)
    assert isinstance(error, TryLater)
    assert (error.after, error.waiting) == (77, Waiting.LIMIT)


async def test_an_html_page_with_200_is_no_page(feed: IncidentFeedClient, controls: Controls) -> None:
    controls.add({})
    controls.fault(kind="html")
    error = await failure(feed)
    assert (type(error), error.words) == (TryLater, "the answer is an HTML page")
    assert (await read(feed)).trouble is None


@pytest.mark.parametrize("kind", ["half", "cut"])
async def test_half_a_page_keeps_its_incidents_and_is_not_whole(
    feed: IncidentFeedClient, controls: Controls, kind: str
) -> None:
    added = controls.add(*[{}] * 10)
    whole = [each.uuid for each in (await read(feed)).incidents]
    controls.send("PATCH", "settings", etags=True)
    controls.fault(kind=kind)
    half = await read(feed)
    assert [each.uuid for each in half.incidents] == whole[: len(half.incidents)]
    assert 0 < len(half.incidents) < len(added)
    assert isinstance(half.trouble, TryLater)
    assert half.trouble.waiting is Waiting.AWAY
    assert (half.validators, half.trouble.__traceback__) == (Validators(), None)


@pytest.mark.parametrize(("spelling", "count"), [({"count_off": 1}, 4), ({"count_off": -1}, 2)])
async def test_a_page_whose_count_is_wrong_is_not_whole(
    feed: IncidentFeedClient, controls: Controls, spelling: dict[str, int], count: int
) -> None:
    controls.add({}, {}, {})
    controls.send("POST", "spellings", **spelling)
    found = await read(feed)
    assert len(found.incidents) == 3
    assert found.trouble is not None
    assert found.trouble.words == f"the page states {count} incidents, and 3 came"
    assert (await read(feed)).trouble is None


async def test_another_page_than_the_one_asked_for_is_not_whole(client: httpx2.AsyncClient) -> None:
    async def answer(_request: Request) -> Response:
        return Response(page(member(), root='count="1" page="1" total-pages="3"'))

    with serving(answer) as address:
        found = await feed_at(address, client).page(2, YEAR)
    assert found is not None
    assert found.trouble is not None
    assert found.trouble.words == "page 2 was asked for, and the answer is page 1"


async def test_a_compressed_page_is_read(feed: IncidentFeedClient, controls: Controls) -> None:
    controls.add({}, {})
    controls.fault(kind="large", size=0, gzip=True)
    found = await read(feed)
    assert (len(found.incidents), found.trouble) == (2, None)


async def test_a_page_is_limited_by_what_it_grows_to(controls: Controls, client: httpx2.AsyncClient) -> None:
    controls.add({})
    controls.fault(kind="large", size=400_000, gzip=True)
    found = await read(feed_at(f"{controls.address}/public/v1", client, largest_page=100_000))
    assert len(found.incidents) == 1
    assert found.trouble is not None
    assert (found.trouble.waiting, found.trouble.words) == (
        Waiting.TOO_LARGE,
        "the page is larger than 100,000 bytes",
    )


@pytest.mark.parametrize("end", [b"", b"\x00" * 50])
async def test_a_compressed_page_that_breaks_off_is_not_whole(client: httpx2.AsyncClient, end: bytes) -> None:
    """Without a word of HTTP's, or of the library's, where the compressed bytes simply end."""

    async def answer(_request: Request) -> Response:
        members = [member(attributes=f'uuid="u-{number}-{hash(str(number))}"') for number in range(1_000)]
        whole = gzip.compress(page(*members, root='count="1000" page="1" total-pages="1"'))
        return Response(whole[: len(whole) // 2] + end, headers={"Content-Encoding": "gzip"})

    with serving(answer) as address:
        found = await read(feed_at(address, client))
    assert 0 < len(found.incidents) < 1_000
    assert found.trouble is not None


async def test_a_body_in_a_compression_that_nobody_asked_for_is_no_page(client: httpx2.AsyncClient) -> None:
    seen: list[str] = []

    async def answer(request: Request) -> Response:
        seen.append(request.headers["accept-encoding"])
        return Response(gzip.compress(page()), headers={"Content-Encoding": "br"})

    with serving(answer) as address:
        error = await failure(feed_at(address, client))
    assert isinstance(error, TryLater)
    assert seen == ["gzip, deflate"]


@pytest.mark.parametrize("kind", ["slow", "trickle"])
async def test_a_slow_answer_ends(
    feed: IncidentFeedClient, controls: Controls, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(incident_feed_client, "WHOLE_CALL_SECONDS", 0.2)
    controls.add({})
    controls.fault(kind=kind, seconds=0.5 if kind == "slow" else 0.02)
    error = await failure(feed)
    assert (type(error), error.words) == (TryLater, "no answer in time")


async def test_a_body_that_never_ends_keeps_what_has_come(
    client: httpx2.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(incident_feed_client, "WHOLE_CALL_SECONDS", 0.3)

    async def pieces() -> AsyncIterator[bytes]:
        yield b'<incidents count="2" page="1" total-pages="1">' + member().encode()
        await asyncio.Event().wait()

    async def answer(_request: Request) -> Response:
        return StreamingResponse(pieces())

    with serving(answer) as address:
        found = await read(feed_at(address, client))
    assert [each.uuid for each in found.incidents] == ["u-1"]
    assert found.trouble is not None
    assert found.trouble.words == "no answer in time"


async def test_a_broken_connection_is_tried_once_more(feed: IncidentFeedClient, controls: Controls) -> None:
    controls.add({})
    controls.fault(kind="reset")
    assert (await read(feed)).trouble is None
    controls.fault(kind="reset", times=2)
    error = await failure(feed)
    assert isinstance(error, TryLater)
    assert error.words.startswith("no answer, or not all of it (")


async def test_a_feed_that_is_away_is_for_later(client: httpx2.AsyncClient) -> None:
    with serving(lambda _request: None) as address:  # type: ignore[arg-type, return-value] # never asked
        pass
    assert isinstance(await failure(feed_at(address, client)), TryLater)


@pytest.mark.parametrize("url", ["http://[", "http://a b/"])
async def test_an_address_that_cannot_be_asked_is_refused(url: str, client: httpx2.AsyncClient) -> None:
    error = await failure(feed_at(url, client))
    assert isinstance(error, OutsideError)
    assert TOKEN not in str(error)


async def test_unreadable_incidents_are_counted_by_what_is_wrong(client: httpx2.AsyncClient) -> None:
    async def answer(_request: Request) -> Response:
        odd = member(attributes="type='referral'"), member(attributes="uuid='u-2' type='odd'"), member()
        return Response(page(*odd, root='count="3" page="1" total-pages="1"'))

    with serving(answer) as address:
        found = await read(feed_at(address, client))
    assert [each.uuid for each in found.incidents] == ["u-2", "u-1"]
    assert (found.unreadable, found.trouble) == ({IncidentFlaw.UUID: 1, IncidentFlaw.TYPE: 1}, None)


async def test_no_error_and_no_log_says_anything_of_a_page(
    feed: IncidentFeedClient, controls: Controls, client: httpx2.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "remediation")
    controls.add(*[{}] * 4)
    controls.send("POST", "spellings", canary="ZZPII-canary", has_comments=True, has_unknown=True, times=None)
    told = [repr(await read(feed))]
    for kind in ("half", "cut", "html"):
        controls.fault(kind=kind)
        try:
            told += [repr(found := await read(feed)), str(found.trouble)]
        except OutsideError as error:
            told += [str(error), repr(error.__cause__), repr(error.__context__)]

    async def answer(_request: Request) -> Response:
        return Response(b"<incidents ZZPII-canary='ZZPII-canary'>&ZZPII-canary;", headers={"ETag": "ZZPII-canary"})

    with serving(answer) as address:
        found = await read(feed_at(address, client))
        told += [repr(found), str(found.trouble)]
    assert not [each for each in [*told, *caplog.messages] if "ZZPII" in each or TOKEN in each]
    assert TOKEN not in repr(feed)


async def test_a_shared_client_keeps_no_cookies_and_follows_no_redirect(client: httpx2.AsyncClient) -> None:
    seen: list[str | None] = []

    async def answer(request: Request) -> Response:
        seen.append(request.headers.get("cookie"))
        return Response(page(), 302, {"Set-Cookie": "session=test-only", "Location": "/incidents.xml"})

    with serving(answer) as address:
        for _ in range(2):
            await failure(feed_at(address, client))
    assert seen == [None, None]


async def looked_at(feed: IncidentFeedClient) -> list[tuple[str, InspectionOutcome]]:
    """What a look at a feed finds, by the word that it is about."""
    inspector = FeedInspector("lakeside", "handbook", feed, lambda: date(2026, 4, 15))
    found = await inspector.inspect(MAPPINGS)
    await inspector.close()
    return [(str(each.where[-1]), each.outcome) for each in found]


async def test_a_look_at_a_feed_tells_whether_its_token_reads(
    feed: IncidentFeedClient, controls: Controls, client: httpx2.AsyncClient
) -> None:
    assert await looked_at(feed) == [("token", InspectionOutcome.OK)]
    assert str(controls.requests()[0]).count("2026-04-15") == 2
    wrong = feed_at(f"{controls.address}/public/v1", client, "test-only-wrong")
    assert await looked_at(wrong) == [("token", InspectionOutcome.WRONG)]
    elsewhere = feed_at(f"{controls.address}/nothing/here", client)
    assert await looked_at(elsewhere) == [("url", InspectionOutcome.WRONG)]
    controls.fault(kind="status", status=503)
    assert await looked_at(feed) == [("url", InspectionOutcome.UNREACHABLE)]
