"""Every request has an id, is counted and logged, and is answered whatever happens.

A log line and a metric have the route's name, never the address: a query may hold what somebody looks for.
"""

import asyncio
import contextlib
import secrets
import time
from collections.abc import Awaitable, Callable
from http import HTTPStatus

import structlog
from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from console.metrics import REQUEST_SECONDS, REQUESTS
from remediation.log_context import LogContext, add_to_context
from remediation.telemetry import is_request_id

HEADER = "x-request-id"

OTHER = "other"
"""The route of a request that asks for none of ours."""

QUIET = frozenset({"livez", "readyz", "static"})
"""Routes that are asked for all the time: their lines are for debugging."""

STREAM = "live"
"""The route whose answer takes as long as a page is open."""

Answering = Callable[[Request, Exception], Awaitable[Response]]
"""Makes the answer to a request from what was raised instead of one."""

logger = structlog.get_logger()


class Observed:
    """Middleware: gives a request its id, and its line in the log; `answering` makes the answer to every error.

    An answer that has begun stays as it is, and the server closes the connection.
    """

    def __init__(self, app: ASGIApp, answering: Answering) -> None:
        self._app = app
        self._answering = answering

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request of ASGI; scopes other than HTTP pass through. `state.request_id` is the id."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        with LogContext():
            exchange = _Exchange(scope, send)
            try:
                await self._app(scope, receive, exchange.send)
            except Exception as error:  # noqa: BLE001 - `answering` tells a refusal from a defect, and logs that
                await exchange.answer(await self._answering(Request(scope, receive), error), receive)
            except asyncio.CancelledError:
                logger.warning("request_cut_short")
                if exchange.status is not None:
                    raise
                await exchange.answer(_stopped(), receive)
            finally:
                exchange.note()


class _Exchange:
    """One request and what becomes of it."""

    def __init__(self, scope: Scope, send: Send) -> None:
        self._scope = scope
        self._send = send
        self._began = time.perf_counter()
        self._id = _request_id_of(scope)
        self.status: int | None = None
        scope.setdefault("state", {})["request_id"] = self._id
        add_to_context(request_id=self._id)

    async def send(self, message: Message) -> None:
        """Send a part of the answer, with the request's id."""
        if message["type"] == "http.response.start":
            self.status = int(message["status"])
            MutableHeaders(scope=message)[HEADER] = self._id
        await self._send(message)

    async def answer(self, response: Response, receive: Receive) -> None:
        """Answer with it, where no answer has begun. Somebody who has gone cannot be: servers report an OSError."""
        if self.status is None:
            with contextlib.suppress(OSError):
                await response(self._scope, receive, self.send)

    def note(self) -> None:
        """Count the request, and log it."""
        seconds, route = time.perf_counter() - self._began, _route_of(self._scope)
        REQUESTS.labels(route, str(self.status or 0)).inc()
        if route != STREAM:
            REQUEST_SECONDS.labels(route).observe(seconds)
        tell = logger.debug if route in QUIET else logger.info
        tell("request", method=_method_of(self._scope), route=route, status=self.status, seconds=round(seconds, 4))


def _request_id_of(scope: Scope) -> str:
    """The id that a proxy set, if there is exactly one and it is well-formed; otherwise a new one."""
    given = [value.decode("latin-1") for name, value in scope["headers"] if name == HEADER.encode()]
    return given[0] if len(given) == 1 and is_request_id(given[0]) else secrets.token_hex(16)


def _route_of(scope: Scope) -> str:
    name: str = getattr(scope.get("route"), "name", OTHER)
    return name.replace(" ", "_")


def _method_of(scope: Scope) -> str:
    """The method, where it is one that pages have: anybody may send any word."""
    method: str = scope["method"]
    return method if method in {"GET", "HEAD", "POST"} else OTHER


def _stopped() -> Response:
    """The answer to a request that the end of the process cut off."""
    headers = {"retry-after": "5"}
    return PlainTextResponse("The console is being restarted.\n", HTTPStatus.SERVICE_UNAVAILABLE, headers=headers)
