"""One call to SchoolScan over HTTP: limited in time and size, with our errors. A write is never repeated."""

import asyncio
import json
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, nullcontext
from dataclasses import dataclass, field
from typing import Literal

import httpx2

from remediation import telemetry
from remediation.domain.errors import ConfigurationError, Problem, Refused, TryLater, Unreadable
from remediation.outbound.answers import LARGEST_ANSWER, note_answer, note_request, too_large
from remediation.sources.connections import begun, is_same_origin, is_sendable, user_agent
from remediation.sources.rate_limits import RateLimit, rate_limit_of
from remediation.sources.schoolscan.answers import error_of
from remediation.sources.schoolscan.words import json_of

_Method = Literal["GET", "POST", "PATCH", "DELETE"]

Spending = Callable[[Literal["read", "write"]], AbstractAsyncContextManager[None]]
"""Within what it returns one request is sent, and answered or not. Raises TryLater where none may be sent now."""


def freely(_access: Literal["read", "write"], /) -> AbstractAsyncContextManager[None]:
    """Spending without any limit of ours."""
    return nullcontext()


_TIMEOUTS = httpx2.Timeout(connect=3, read=8, write=8, pool=8)
"""Seconds for each step of a call."""
WHOLE_CALL_SECONDS = 20
"""Seconds for a whole call: a server that sends single bytes must not take longer than a job may."""
_NOT_SENT = (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout, httpx2.UnsupportedProtocol)


@dataclass(frozen=True, slots=True)
class ApiAnswer:
    """A successful answer. `json` is None where the body was empty; `next_link` is the Link header's `next`."""

    json: object = field(repr=False)
    limit: RateLimit | None
    next_link: str | None = field(repr=False)


class Transport:
    """Calls one district's SchoolScan. Raises TryLater, Refused or NotFound, and no exception of httpx2.

    `base` is the address of the API: no request goes to another host. `largest_answer` is in bytes, after
    decompression. Each request is sent within `spending`, which sees its answer and its error.
    """

    def __init__(
        self,
        system: str,
        base: str,
        token: str,
        client: httpx2.AsyncClient,
        clock: Callable[[], float],
        largest_answer: int = LARGEST_ANSWER,
        spending: Spending = freely,
    ) -> None:
        if not is_sendable(token):
            raise ConfigurationError([Problem(system, "the API token has characters that no header can carry")])
        self._system = system
        self._base = base
        self._client = client
        self._clock = clock
        self._largest_answer = largest_answer
        self._spending = spending
        self._headers = {"Authorization": f"Bearer {token}", "Accept": "application/json", "User-Agent": user_agent()}

    async def call(self, method: _Method, url: str, body: Mapping[str, str] | None = None) -> ApiAnswer:
        """Send one request; returns its answer. `url` is complete, with its parts percent-encoded.

        Raises Refused, without a request, for an address on another host, which must not get the token.
        """
        if not is_same_origin(url, self._base):
            raise Refused(self._system, "the address is not valid, or on another host")
        async with self._spending("read" if method == "GET" else "write"):
            return await self._answered(method, url, body)

    async def _answered(self, method: _Method, url: str, body: Mapping[str, str] | None) -> ApiAnswer:
        response, raw = await self._exchange(method, url, body)
        note_answer(response.headers)
        telemetry.note(status=response.status_code)
        if method != "GET":
            note_request(response.headers.get("X-Request-Id"))
        if not response.is_success:
            status, headers = response.status_code, response.headers
            raise error_of(self._system, status, headers, raw, now=self._clock(), writing=method != "GET")
        try:
            limit, next_link = rate_limit_of(response.headers), response.links.get("next", {}).get("url")
            return ApiAnswer(json_of(raw) if raw.strip() else None, limit, next_link)
        except Unreadable as problem:
            raise self.unreadable(problem, writing=method != "GET") from None

    def unreadable(self, problem: Unreadable, *, writing: bool) -> TryLater:
        """Returns the error for a successful answer that cannot be read, such as a proxy's page."""
        return TryLater(self._system, str(problem), ambiguous=writing)

    async def _exchange(
        self, method: _Method, url: str, body: Mapping[str, str] | None
    ) -> tuple[httpx2.Response, bytes]:
        try:
            async with asyncio.timeout(WHOLE_CALL_SECONDS), AsyncExitStack() as opened:
                response = await begun(opened, lambda: self._stream(method, url, body), repeats=method == "GET")
                return response, await self._bounded(response)
        except TimeoutError:
            raise TryLater(self._system, "no answer in time", ambiguous=method != "GET") from None
        except httpx2.HTTPError as error:
            ambiguous = method != "GET" and not isinstance(error, _NOT_SENT)
            raise TryLater(self._system, f"no answer ({type(error).__name__})", ambiguous=ambiguous) from None
        except httpx2.InvalidURL:
            raise Refused(self._system, "the address is not valid") from None

    def _stream(
        self, method: _Method, url: str, body: Mapping[str, str] | None
    ) -> AbstractAsyncContextManager[httpx2.Response]:
        content = None if body is None else json.dumps(body, ensure_ascii=False).encode("utf-8", "replace")
        headers = self._headers if content is None else {**self._headers, "Content-Type": "application/json"}
        return self._client.stream(
            method, url, content=content, headers=headers, timeout=_TIMEOUTS, follow_redirects=False
        )

    async def _bounded(self, response: httpx2.Response) -> bytes:
        body = bytearray()
        async for chunk in response.aiter_bytes():
            body += chunk
            if len(body) > self._largest_answer:
                wrote = response.request.method != "GET"
                raise too_large(self._system, self._largest_answer, status=response.status_code, wrote=wrote)
        return bytes(body)
