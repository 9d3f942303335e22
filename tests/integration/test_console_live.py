"""The stream of open pages: what it tells, to how many, and when it ends."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from structlog.testing import capture_logs

from console import live
from console.app import create_app
from console.ending import ConsoleEnding
from console.live import MOST_OF_ONE, LiveNews, NoStreamLeft
from console.metrics import STREAMS
from remediation.deliveries.events import SCHOOLSCAN
from remediation.domain.errors import StoreUnavailable
from remediation.store.audit.entries import AuditAct
from remediation.store.console.pulse import read_pulse
from remediation.store.deliveries.inbox import Inbox
from remediation.store.deliveries.parked import ParkedWork
from remedy.runtime.http.guarding import console_guard
from remedy.runtime.http.serving import HttpServer, listener, server
from tests.integration.console_world import OTHERS, ConsoleWorld, cookie_of

CHANGED = b"event: changed\ndata:\n\n"


@pytest.fixture(autouse=True)
def _quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "ASK_SECONDS", 0.02)
    monkeypatch.setattr(live, "REST_SECONDS", 0.02)


class Stream:
    """An open page's request, spoken in ASGI: httpx2's transport waits for the end of an answer."""

    def __init__(self) -> None:
        self.sent: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.goes = asyncio.Event()
        self.task: asyncio.Task[None] | None = None

    async def open(self, app: Any, who: str | None) -> None:
        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": "GET",
            "scheme": "http",
            "path": "/live",
            "raw_path": b"/live",
            "query_string": b"",
            "headers": [(b"sec-fetch-dest", b"empty"), *([await cookie_of(app, who)] if who else [])],
            "server": ("console", 80),
        }
        self.task = asyncio.create_task(app(scope, self._receive, self.sent.put))

    async def _receive(self) -> dict[str, Any]:
        if self.goes.is_set():
            return {"type": "http.disconnect"}
        await self.goes.wait()
        return {"type": "http.disconnect"}

    async def status(self) -> int:
        message = await asyncio.wait_for(self.sent.get(), 5)
        return int(message["status"])

    async def chunk(self) -> bytes:
        message = await asyncio.wait_for(self.sent.get(), 5)
        return bytes(message["body"])

    async def changed(self) -> None:
        """Wait for a tick."""
        while await self.chunk() != CHANGED:
            pass

    async def end(self) -> None:
        """Wait for the end of the answer."""
        assert self.task is not None
        await asyncio.wait_for(self.task, 5)


@asynccontextmanager
async def opened(app: Any, who: str | None = "viewer") -> AsyncIterator[Stream]:
    stream = Stream()
    await stream.open(app, who)
    yield stream
    stream.goes.set()
    await stream.end()


async def started(app: Any) -> None:
    """Wait until what there is has been looked at."""
    while not app.state.news.version:  # noqa: ASYNC110 - it is asked every few milliseconds
        await asyncio.sleep(0.01)


async def test_a_change_is_told_and_nothing_of_it(console: ConsoleWorld) -> None:
    async with opened(console.app) as stream:
        assert await stream.status() == 200
        await started(console.app)
        await Inbox(console.connection, console.keyring).accept("dlv_1", SCHOOLSCAN, OTHERS, b"{}", time.time())
        seen = b""
        while CHANGED not in seen:
            seen += await stream.chunk()
    assert seen.replace(b": \n\n", b"") == CHANGED


async def test_a_page_is_told_once_what_came_before_its_stream_and_then_nothing_while_nothing_changes(
    console: ConsoleWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "KEPT_OPEN_SECONDS", 0.05)
    async with opened(console.app) as stream:
        await stream.status()
        told = [await stream.chunk() for _ in range(6)]
    assert told.count(CHANGED) == 1
    assert told.count(b": \n\n") == 5


async def test_after_a_while_there_is_a_tick_in_any_case(
    console: ConsoleWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "STALE_SECONDS", 0.1)
    async with opened(console.app) as stream:
        await stream.status()
        await stream.changed()
        await stream.changed()


async def test_what_changed_is_seen_wherever_it_is(console: ConsoleWorld) -> None:
    connection, seen = console.connection, [await read_pulse(console.connection)]
    assert await read_pulse(connection) == seen[0]
    await console.plant("elsewhere")
    seen.append(await read_pulse(connection))
    await console.audit.note(console.audit.entry(AuditAct.RETRY, "somebody", piece="a case", count=1))
    await console.audit.chain()
    seen.append(await read_pulse(connection))
    work = ParkedWork(connection, console.keyring)
    parked = [each.name async for each in work.listed()]
    await work.discard(parked[0], time.time())
    seen.append(await read_pulse(connection))
    assert len(set(seen)) == len(seen)


async def test_the_end_of_the_process_ends_every_stream(console: ConsoleWorld) -> None:
    ending = ConsoleEnding()
    app = create_app(console.context, ending)
    async with opened(app) as one, opened(app, "operator") as other:
        assert [await one.status(), await other.status()] == [200, 200]
        began = time.perf_counter()
        ending.begin()
        await one.end()
        await other.end()
        assert time.perf_counter() - began < 1
        async with opened(app) as late:
            assert await late.status() == 503


async def test_a_page_that_is_closed_leaves_no_stream_and_no_question(console: ConsoleWorld) -> None:
    async with opened(console.app) as stream:
        await stream.status()
        assert STREAMS._value.get() == 1
    assert STREAMS._value.get() == 0
    asking = console.app.state.news._asking
    await asyncio.wait_for(asking, 5)


async def test_nobody_is_told_who_has_not_signed_in(console: ConsoleWorld) -> None:
    async with opened(console.app, None) as stream:
        assert await stream.status() == 401


async def test_one_person_cannot_take_all_streams(console: ConsoleWorld) -> None:
    news = LiveNews(lambda: read_pulse(console.connection), ConsoleEnding())
    many = [news.reading("somebody") for _ in range(MOST_OF_ONE)]
    for each in many:
        each.__enter__()
    with pytest.raises(NoStreamLeft), news.reading("somebody"):
        pass
    with news.reading("another"):
        assert len(news) == MOST_OF_ONE + 1
    for each in many:
        each.__exit__(None, None, None)


async def test_all_streams_are_bounded(console: ConsoleWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "MOST_READERS", 1)
    async with opened(console.app) as one:
        assert await one.status() == 200
        async with opened(console.app, "operator") as other:
            assert await other.status() == 503


async def test_a_redis_that_is_away_ends_every_stream_and_the_next_one_asks_again(console: ConsoleWorld) -> None:
    answers: list[str | None] = ["a", None, "b"]

    async def ask() -> str:
        answer = answers.pop(0) if answers else "b"
        if answer is None:
            raise StoreUnavailable("Redis does not answer", "away")
        return answer

    news = LiveNews(ask, ConsoleEnding())
    with capture_logs() as logs, news.reading("somebody") as reader:
        await asyncio.wait_for(reader.is_over.wait(), 5)
    assert [each["event"] for each in logs] == ["streams_ended"]
    with news.reading("somebody") as reader:
        assert await reader.changed(5)
        assert news.version == "b"


def test_more_readers_rest_longer() -> None:
    news = LiveNews(lambda: asyncio.sleep(0, "a"), ConsoleEnding())
    alone = news.rest_seconds
    news._readers = {live.Reader(str(number)) for number in range(50)}
    assert news.rest_seconds == alone + 5


async def test_a_page_says_where_its_stream_is_to_who_has_signed_in_only(console: ConsoleWorld) -> None:
    async with console.client("viewer") as browser, console.client("nobody") as stranger:
        assert 'data-stream="/live"' in (await browser.get("/")).text
        assert "data-stream" not in (await stranger.get("/")).text


@asynccontextmanager
async def served(app: Any) -> AsyncIterator[tuple[int, HttpServer]]:
    """The application on a port, as the process serves it, for somebody who has signed in."""
    cookie = await cookie_of(app, "viewer")

    async def known(scope: Any, receive: Any, send: Any) -> None:
        await app({**scope, "headers": [*scope["headers"], cookie]}, receive, send)

    bound = listener("127.0.0.1", 0, "CONSOLE")
    pages = server(known, console_guard())
    serving = asyncio.create_task(pages.serve([bound]))
    yield bound.getsockname()[1], pages
    pages.leave(5)
    await asyncio.wait_for(serving, 10)


async def stream_from(port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A stream on a connection of its own, whose first line has come."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET /live HTTP/1.1\r\nHost: console\r\n\r\n")
    head = await asyncio.wait_for(reader.readuntil(b": \n\n"), 5)
    assert b" 200 " in head
    assert b"text/event-stream" in head
    return reader, writer


async def test_a_window_that_is_closed_is_noticed_before_anything_is_sent_to_it(console: ConsoleWorld) -> None:
    async with served(console.app) as (port, _):
        _, writer = await stream_from(port)
        assert len(console.app.state.news) == 1
        writer.close()
        async with asyncio.timeout(2):
            while len(console.app.state.news):  # noqa: ASYNC110 - the server itself tells nobody
                await asyncio.sleep(0.01)


async def test_an_open_stream_does_not_hold_the_stop(console: ConsoleWorld) -> None:
    ending = ConsoleEnding()
    app = create_app(console.context, ending)
    async with served(app) as (port, pages):
        reader, writer = await stream_from(port)
        began = time.perf_counter()
        ending.begin()
        pages.leave(5)
        rest = await asyncio.wait_for(reader.read(), 3)
        assert rest.endswith(b"0\r\n\r\n"), "the answer is whole"
        writer.close()
    assert time.perf_counter() - began < 3
