"""How sources are reached over HTTP: a client for each, and what every request to one of them shares."""

import ssl
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, suppress
from functools import cache
from http.cookiejar import CookieJar, DefaultCookiePolicy
from importlib.metadata import PackageNotFoundError, version

import httpx2

_TIMEOUTS = httpx2.Timeout(connect=3, read=8, write=8, pool=8)
"""Seconds for each step of a call that states no others."""
CONNECTIONS = 16
"""The most connections to one source: with each request the client looks at every one that is kept."""
_BROKEN = (httpx2.ReadError, httpx2.WriteError, httpx2.RemoteProtocolError)
"""A connection that ended before the answer. httpx2 itself detects only one that was closed before it sends."""


def open_client(*, proxy: str | None = None, trusted: ssl.SSLContext | None = None) -> httpx2.AsyncClient:
    """Returns a client for one source. It reads no proxy or certificates from the environment and keeps no cookies.

    `proxy` is the address of a proxy to use; `trusted` has the certificates to trust instead of the usual ones. A
    source that hangs holds no more than its own connections.
    """
    return httpx2.AsyncClient(
        timeout=_TIMEOUTS,
        follow_redirects=False,
        trust_env=False,
        proxy=proxy,
        verify=trusted or True,
        limits=httpx2.Limits(max_connections=CONNECTIONS, max_keepalive_connections=CONNECTIONS),
        cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
    )


def usual_certificates() -> ssl.SSLContext:
    """Returns the certificates that are trusted usually. Several clients may share them: to read them takes time."""
    return httpx2.create_ssl_context(trust_env=False)


@cache
def installed_version() -> str:
    """Returns the version of this code; empty where it runs from a tree that is not installed."""
    with suppress(PackageNotFoundError):
        return version("remedy")
    return ""


def user_agent() -> str:
    """Returns the User-Agent header: `remedy/<version>`, or `remedy` where the project is not installed."""
    return f"remedy/{installed_version()}".rstrip("/")


def is_sendable(token: str) -> bool:
    """Whether a token can be sent in a header."""
    return bool(token) and token.isascii() and token.isprintable() and " " not in token


def is_same_origin(address: str, base: str) -> bool:
    """Whether two addresses have one scheme, host and port, as the client that sends the requests reads them.

    `base` is an address without a slash at its end, such as that of an API: all that begin with it are under it.
    """
    if address.startswith(f"{base}/"):
        return True
    try:
        origins = [(url.scheme, url.host, url.port) for url in (httpx2.URL(address), httpx2.URL(base))]
    except httpx2.InvalidURL:
        return False
    return origins[0] == origins[1]


async def begun(
    opened: AsyncExitStack, stream: Callable[[], AbstractAsyncContextManager[httpx2.Response]], *, repeats: bool
) -> httpx2.Response:
    """Returns an answer whose body is not read yet; it stays open until `opened` is closed.

    Where the connection breaks before the answer and `repeats` is true, which only a read may be, the request is sent a
    second time: the connection may have been kept open from an earlier call for too long.
    """
    if repeats:
        with suppress(*_BROKEN):
            return await opened.enter_async_context(stream())
    return await opened.enter_async_context(stream())
