"""One feed of incidents over HTTP: a page at a time, bounded in time and size, its errors turned into ours."""

import asyncio
import hashlib
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, aclosing
from datetime import tzinfo
from http import HTTPStatus
from urllib.parse import urlencode

import httpx2

from remediation import telemetry
from remediation.domain.errors import ConfigurationError, OutsideError, Problem, Refused, TryLater, Waiting
from remediation.domain.incidents import Incident, IncidentType
from remediation.outbound.answers import note_answer
from remediation.sources.connections import begun, is_sendable, user_agent
from remediation.sources.incident_feed.answers import error_of
from remediation.sources.incident_feed.pages import (
    PAGE_SIZE,
    FeedPage,
    Validators,
    Window,
    disagreement,
    validators_of,
)
from remediation.sources.incident_feed.parsing import PageParser, Stated

_TIMEOUTS = httpx2.Timeout(connect=3, read=15, write=8, pool=8)
"""Seconds, for each step of a call. A page of 1,000 incidents is gathered before its first byte."""
WHOLE_CALL_SECONDS = 20
"""For a page from the request to its last byte: a server that sends a byte now and then must not outlast the job."""
_LARGEST_PAGE = 32 * 1024 * 1024
"""Bytes after decompression: eight times a usual page of 1,000 incidents. Nobody can ask for shorter pages."""
_CHUNK = 64 * 1024
"""Bytes that are parsed at once; other work of the process has its turn after each."""


class IncidentFeedClient:
    """One feed of a district's incidents, which can only be read.

    `client` is best made by `connections.open_client`, and closed by whoever opened it. `zone` is where the feed's
    schools are. `page_size` is how many incidents a full page has. `account` tells whose list is read, and is another
    where the address or the token is: the vendor has one address for all. Raises ConfigurationError for a token that no
    header can carry.
    """

    def __init__(  # noqa: PLR0913 - which feed, how it is reached, and what is expected of it
        self,
        system: str,
        base_url: str,
        token: str,
        *,
        client: httpx2.AsyncClient,
        zone: tzinfo,
        clock: Callable[[], float] = time.time,
        page_size: int = PAGE_SIZE,
        largest_page: int = _LARGEST_PAGE,
    ) -> None:
        if not is_sendable(token):
            raise ConfigurationError([Problem(system, "the API token has characters that no header can carry")])
        self._system = system
        self._address = f"{base_url.rstrip('/')}/incidents.xml"
        self.account = _account(self._address, token)
        self._client = client
        self._zone = zone
        self._clock = clock
        self._page_size = page_size
        self._largest_page = largest_page
        self._headers = {
            "Authorization": f"Bearer {token}",
            "Accept": "application/xml, text/xml",
            "Accept-Encoding": "gzip, deflate",
            "User-Agent": user_agent(),
        }

    async def page(
        self,
        number: int,
        window: Window,
        *,
        kind: IncidentType | None = None,
        deleted: bool = True,
        known: Validators | None = None,
    ) -> FeedPage | None:
        """One page of a window, counted from 1; None where it still is what the answer with these validators was.

        `kind` asks for incidents of one type alone, `deleted` for those that were deleted as well. A page that ends
        early, or is not what it states, comes with what is whole of it, and its `trouble`. Raises TryLater or Refused
        where no page came at all.
        """
        if kind is IncidentType.UNKNOWN:
            raise Refused(self._system, "not a type that can be asked for")
        address = f"{self._address}?{urlencode(_parameters(number, window, kind, deleted=deleted))}"
        arriving = _Arriving(self._zone)
        error = await self._receive(address, known or Validators(), arriving)
        if arriving.is_unchanged:
            return None
        has_ended = error is None
        arriving.parser.end()  # takes the last incidents, where an answer broke off
        if error is None and (words := arriving.shortfall(number, self._page_size)):
            error = TryLater(self._system, words)
        if error is not None and (arriving.parser.stated is None or not isinstance(error, TryLater)):
            raise error
        return arriving.page(number, error, has_ended=has_ended)

    async def _receive(self, address: str, known: Validators, arriving: "_Arriving") -> OutsideError | None:
        """Reads an answer as far as it comes; why it is no page, or not all of one.

        Errors are returned and not raised: one that has been raised holds on to what was being read.
        """
        try:
            async with asyncio.timeout(WHOLE_CALL_SECONDS), AsyncExitStack() as opened:
                response = await begun(opened, lambda: self._stream(address, known), repeats=True)
                return await self._take(response, known, arriving)
        except TimeoutError:
            return TryLater(self._system, "no answer in time")
        except httpx2.HTTPError as error:
            return TryLater(self._system, f"no answer, or not all of it ({type(error).__name__})")
        except httpx2.InvalidURL:
            return Refused(self._system, "not an address that can be asked")

    def _stream(self, address: str, known: Validators) -> AbstractAsyncContextManager[httpx2.Response]:
        headers = {**self._headers, **known.headers()}
        return self._client.stream("GET", address, headers=headers, timeout=_TIMEOUTS, follow_redirects=False)

    async def _take(self, response: httpx2.Response, known: Validators, arriving: "_Arriving") -> OutsideError | None:
        note_answer(response.headers)
        status = response.status_code
        telemetry.note(status=status)
        arriving.is_unchanged = status == HTTPStatus.NOT_MODIFIED and known != Validators()
        if arriving.is_unchanged:
            return None
        if status != HTTPStatus.OK:
            return error_of(self._system, status, response.headers, now=self._clock())
        arriving.validators = validators_of(response.headers)
        return await self._parse(response, arriving.parser)

    async def _parse(self, response: httpx2.Response, parser: PageParser) -> OutsideError | None:
        size = 0
        async with aclosing(response.aiter_bytes()) as chunks:  # of a given size, the last before a break would be lost
            async for chunk in chunks:
                for start in range(0, len(chunk), _CHUNK):
                    piece = chunk[start : start + _CHUNK]
                    size += len(piece)
                    if size > self._largest_page:
                        words = f"the page is larger than {self._largest_page:,} bytes"
                        return TryLater(self._system, words, waiting=Waiting.TOO_LARGE)
                    parser.feed(piece)
                    await asyncio.sleep(0)
                if parser.problem is not None:
                    break
        return None


class _Arriving:
    """A page while it comes. `is_unchanged`: it does not, as it is known."""

    def __init__(self, zone: tzinfo) -> None:
        self.incidents: list[Incident] = []
        self.parser = PageParser(zone, self.incidents.append)
        self.validators = Validators()
        self.is_unchanged = False

    def shortfall(self, number: int, page_size: int) -> str | None:
        """Why what has come is not all of the page that was asked for."""
        return self.parser.problem or disagreement(self._stated, number, self.parser.came, page_size)

    def page(self, number: int, trouble: TryLater | None, *, has_ended: bool) -> FeedPage:
        """What has come."""
        return FeedPage(
            number,
            tuple(self.incidents),
            self._stated.total_pages,
            dict(self.parser.flaws),
            self.validators if trouble is None else Validators(),
            trouble,
            has_ended,
        )

    @property
    def _stated(self) -> Stated:
        return self.parser.stated or Stated()


def _account(address: str, token: str) -> str:
    """A digest that tells accounts apart. Kept sealed alone: it could be held against a token."""
    return hashlib.blake2b(address.encode(), key=hashlib.sha256(token.encode()).digest(), digest_size=8).hexdigest()


def _parameters(number: int, window: Window, kind: IncidentType | None, *, deleted: bool) -> Mapping[str, str]:
    asked = {"page": str(number), "from": window.first.isoformat(), "to": window.last.isoformat()}
    if kind is not None:
        asked["type"] = kind.value
    if deleted:
        asked["deleted"] = "1"
    return asked
