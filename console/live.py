"""The stream that tells open pages that something has changed. What has, each page then asks for itself.

One task asks Redis once a second for all readers of this process, and none where nobody reads. A tick says nothing but
that there was a change: it is the same for everybody who has signed in, whatever they may see.
"""

import asyncio
import contextlib
import random
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from http import HTTPStatus

import structlog
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from console.answers import PageRefused
from console.context import person_of
from console.ending import ConsoleEnding
from console.metrics import STREAMS
from remediation.domain.errors import StoreUnavailable

ASK_SECONDS = 1.0
"""Seconds between two questions to Redis."""

REST_SECONDS = 5.0
"""The least number of seconds between two ticks of a reader; each ten readers add one, so that what they fetch then
stays a small part of a core."""

STALE_SECONDS = 60.0
"""Seconds after which there is a tick in any case: ages and budgets change without a change of ours."""

KEPT_OPEN_SECONDS = 20.0
"""Seconds of silence after which a stream sends a blank line, so that no proxy takes it for dead."""

STREAM_SECONDS = 300.0
"""How long a stream lasts, about. Who comes again must still be signed in."""

MOST_READERS = 200
"""Streams of this process. Whoever comes when all are taken asks now and then instead."""

MOST_OF_ONE = 8
"""Streams of one person: as many windows are in sight at once."""

_BLANK = b": \n\n"
_CHANGED = b"event: changed\ndata:\n\n"

logger = structlog.get_logger()


class NoStreamLeft(PageRefused):
    """There are as many streams as this process keeps open, or as one person may have."""

    status = HTTPStatus.SERVICE_UNAVAILABLE
    title = "No live updates"


class Reader:
    """One open stream."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.is_over = asyncio.Event()
        self._seen = ""
        self._wake = asyncio.Event()

    def end(self) -> None:
        """End the stream."""
        self.is_over.set()
        self._wake.set()

    def tell(self, version: str) -> None:
        """What is there now: another version than what was seen last is a change.

        The first one is, too: what came between the making of the page and the beginning of its stream is in no part of
        it, and might be the last that comes for long.
        """
        if version != self._seen:
            self._wake.set()

    def saw(self, version: str) -> None:
        """The page asks for everything up to this version."""
        self._seen = version
        if not self.is_over.is_set():
            self._wake.clear()

    async def changed(self, seconds: float) -> bool:
        """Whether there is a change within so many seconds."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._wake.wait()
        return self._wake.is_set()

    async def rest(self, seconds: float) -> None:
        """Wait for so many seconds, or until the stream ends."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self.is_over.wait()


class LiveNews:
    """Who reads, and what they are told. `ask` returns the version of everything; `ending` ends all streams."""

    def __init__(self, ask: Callable[[], Awaitable[str]], ending: ConsoleEnding) -> None:
        self.version = ""
        self._ask = ask
        self._ending = ending
        self._readers: set[Reader] = set()
        self._asking: asyncio.Task[None] | None = None

    def __len__(self) -> int:
        return len(self._readers)

    @property
    def rest_seconds(self) -> float:
        """How long a reader rests between two ticks."""
        return REST_SECONDS + len(self._readers) / 10

    @contextlib.contextmanager
    def reading(self, name: str) -> Iterator[Reader]:
        """A reader, while this context is open. Raises NoStreamLeft."""
        of_one = Counter(each.name for each in self._readers)[name]
        if self._ending.is_begun or len(self._readers) >= MOST_READERS or of_one >= MOST_OF_ONE:
            raise NoStreamLeft("As many pages are kept up to date as can be: this one asks now and then instead.")
        reader = Reader(name)
        self._readers.add(reader)
        STREAMS.set(len(self._readers))
        if self._asking is None or self._asking.done():
            self._asking = asyncio.create_task(self._ask_on())
        try:
            yield reader
        finally:
            self._readers.discard(reader)
            STREAMS.set(len(self._readers))

    async def _ask_on(self) -> None:
        """Ask while somebody reads. Where Redis cannot be asked, all streams end: pages say so by themselves."""
        try:
            while self._readers and not self._ending.is_begun:
                self.version = await self._ask()
                for each in self._readers:
                    each.tell(self.version)
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(ASK_SECONDS):
                        await self._ending.wait()
        except StoreUnavailable as error:
            logger.warning("streams_ended", reason=error.reason, count=len(self._readers))
        finally:
            for each in self._readers:
                each.end()


class LiveStream(Response):
    """The stream of one page, until it is closed, the process ends, or its time is over."""

    def __init__(self, news: LiveNews, name: str) -> None:
        super().__init__(media_type="text/event-stream")
        self.headers["x-accel-buffering"] = "no"  # nginx would keep ticks back
        del self.headers["content-length"]
        self._news = news
        self._name = name

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it."""
        if scope["method"] == "HEAD":
            await super().__call__(scope, receive, send)
            return
        with self._news.reading(self._name) as reader:
            gone = asyncio.create_task(_until_gone(receive, reader))
            try:
                await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
                async for chunk in self._chunks(reader):
                    await send({"type": "http.response.body", "body": chunk, "more_body": True})
                await send({"type": "http.response.body", "body": b"", "more_body": False})
            except OSError:  # whoever read has gone
                pass
            finally:
                gone.cancel()

    async def _chunks(self, reader: Reader) -> AsyncIterator[bytes]:
        loop = asyncio.get_running_loop()
        ends_at = loop.time() + STREAM_SECONDS * random.uniform(0.8, 1.2)  # noqa: S311 - not all of them at once  # nosec B311
        stale_at = loop.time() + STALE_SECONDS
        yield _BLANK
        while loop.time() < ends_at:
            has_changed = await reader.changed(min(KEPT_OPEN_SECONDS, max(0.0, stale_at - loop.time())))
            if reader.is_over.is_set():
                return
            if not has_changed and loop.time() < stale_at:
                yield _BLANK
                continue
            reader.saw(self._news.version)
            yield _CHANGED
            stale_at = loop.time() + STALE_SECONDS
            await reader.rest(self._news.rest_seconds)


async def _until_gone(receive: Receive, reader: Reader) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    reader.end()


async def live(request: Request) -> Response:
    """The stream. A browser that comes again asks for its page's parts, too: what came meanwhile is not told."""
    news: LiveNews = request.app.state.news
    return LiveStream(news, person_of(request).name)


ROUTES = [Route("/live", live, name="live")]
