"""A report's file, fetched from its signed address: from a host that is allowed, and nowhere else.

Whoever has such an address has the report. So it stays in this module and in the call that asked for it: no error, log
or row has it, and nothing of what stands there. The district's token is not sent with it.
"""

import asyncio
import zlib
from collections.abc import AsyncGenerator, Callable, Collection
from contextlib import AbstractAsyncContextManager, AsyncExitStack, aclosing
from http import HTTPStatus

import httpx2

from remediation.domain.errors import OutsideError, Refused, TryLater, Waiting
from remediation.sources.connections import begun, is_same_origin, user_agent
from remediation.sources.rate_limits import wait_of

LARGEST_REPORT = 64 * 1024 * 1024
"""Bytes, unless the caller says otherwise."""
WHOLE_FILE_SECONDS = 600
"""Seconds for a whole file: its address is good for 900."""
_TIMEOUTS = httpx2.Timeout(connect=5, read=30, write=8, pool=8)
"""Seconds for each step."""

_UNPACKED_AT_ONCE = 1024 * 1024
"""Bytes: a packed file of a megabyte may hold a thousand."""
_GZIP = zlib.MAX_WBITS | 16

_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_HTTPS_PORT = 443
_PAGE = "text/html"
"""No report has this form: it is the page of something between us and the store of files."""

Write = Callable[[bytes], object]


class AddressExpired(Refused):
    """The store of files does not take the address: it has expired, or was never good. Another one may be."""


class FileDownloads:
    """Fetches files for one account, whose API is at `base`.

    `hosts` are further hosts that signed addresses may lead to, in lower case: `files.example`, or `*.example` for all
    below it.
    """

    def __init__(
        self, system: str, base: str, hosts: Collection[str], client: httpx2.AsyncClient, clock: Callable[[], float]
    ) -> None:
        self._system = system
        self._base = base
        self._hosts = hosts
        self._client = client
        self._clock = clock

    async def fetch(self, address: str, write: Write, largest: int) -> int:
        """Give the file to `write`, piece by piece; returns how many bytes it has.

        No redirect is followed. Raises AddressExpired before the first piece; Refused for an address that is not
        allowed and for a file of more than `largest` bytes; TryLater where the file did not come whole.
        """
        if (flaw := address_flaw(address, self._base, self._hosts)) is not None:
            raise Refused(self._system, f"the report's signed address {flaw}")
        try:
            async with asyncio.timeout(WHOLE_FILE_SECONDS), AsyncExitStack() as opened:
                response = await begun(opened, lambda: self._stream(address), repeats=True)
                self._must_be_the_file(response)
                return await self._written(response, write, largest)
        except TimeoutError:
            raise TryLater(self._system, "the report's file did not come in time") from None
        except httpx2.HTTPError as error:
            words = f"the report's file did not come whole ({type(error).__name__})"
            raise TryLater(self._system, words) from None

    def _stream(self, address: str) -> AbstractAsyncContextManager[httpx2.Response]:
        headers = {"User-Agent": user_agent(), "Accept": "*/*", "Accept-Encoding": "identity"}
        return self._client.stream("GET", address, headers=headers, timeout=_TIMEOUTS, follow_redirects=False)

    def _must_be_the_file(self, response: httpx2.Response) -> None:
        status = response.status_code
        if not response.is_success:
            raise self._error_of(status, wait_of(response.headers, self._clock()))
        if response.headers.get("Content-Type", "").partition(";")[0].strip().lower() == _PAGE:
            words = "a page came in place of the report's file"
            raise TryLater(self._system, words, status=status, waiting=Waiting.AWAY)

    def _error_of(self, status: int, after: float | None) -> OutsideError:
        words = "the store of the report's file answered so"
        if status == HTTPStatus.FORBIDDEN:
            return AddressExpired(self._system, "the report's signed address is not taken", status=status)
        if HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.BAD_REQUEST:
            return Refused(self._system, "the report's signed address leads elsewhere: not followed", status=status)
        if status in {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS} or status >= (
            HTTPStatus.INTERNAL_SERVER_ERROR
        ):
            return TryLater(self._system, words, after=after, status=status)
        return Refused(self._system, words, status=status)

    async def _written(self, response: httpx2.Response, write: Write, largest: int) -> int:
        count = 0
        async with aclosing(self._pieces(response)) as pieces:
            async for piece in pieces:
                count += len(piece)
                if count > largest:
                    raise Refused(self._system, f"the report's file has more than {largest:,} bytes")
                write(piece)
        return count

    async def _pieces(self, response: httpx2.Response) -> AsyncGenerator[bytes, None]:
        """The file, unpacked where the store keeps it packed. Raises TryLater where its end is missing.

        httpx2 would unpack it, too, and take what came for the whole.
        """
        encoding = response.headers.get("Content-Encoding", "identity").strip().lower()
        if encoding not in {"identity", "gzip"}:
            raise Refused(self._system, "the report's file came in an encoding that was not asked for")
        unpacker = zlib.decompressobj(_GZIP) if encoding == "gzip" else None
        async with aclosing(response.aiter_raw()) as chunks:
            async for chunk in chunks:
                if unpacker is None:
                    yield chunk
                    continue
                packed = chunk
                while packed:
                    yield self._unpacked(unpacker, packed)
                    packed = unpacker.unconsumed_tail
        if unpacker is not None:
            yield unpacker.flush()
            if not unpacker.eof or unpacker.unused_data:
                raise self._torn()

    def _unpacked(self, unpacker: "zlib._Decompress", packed: bytes) -> bytes:
        try:
            return unpacker.decompress(packed, _UNPACKED_AT_ONCE)
        except zlib.error:
            raise self._torn() from None

    def _torn(self) -> TryLater:
        return TryLater(self._system, "the report's file did not come whole")


def address_flaw(address: str, base: str, hosts: Collection[str]) -> str | None:
    """Why a signed address is not asked; None where it may be. The words have its host at the most. Pure.

    It is https, on its usual port, at one of `hosts`; or of the same origin as `base`. On one machine, for a stand-in,
    it may be http and have any port.
    """
    try:
        url, own = httpx2.URL(address), httpx2.URL(base)
    except httpx2.InvalidURL:
        return "is not valid"
    if url.userinfo:
        return "names a user"
    if is_same_origin(address, base) or (url.host in _LOOPBACK and own.host in _LOOPBACK):
        return None
    if url.scheme != "https" or (url.port or _HTTPS_PORT) != _HTTPS_PORT:
        return "is not https on its usual port"
    named = url.raw_host.decode("ascii")
    if not any(_is_meant(named, host) for host in hosts):
        return f"is on {named}, which is not among download_hosts of mappings.yaml"
    return None


def _is_meant(host: str, allowed: str) -> bool:
    below = allowed.removeprefix("*")
    return host.endswith(below) if below.startswith(".") else host == allowed
