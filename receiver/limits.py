"""How much of a request the receiver takes, how long it waits, and the answer to an error that nobody caught.

Plain ASGI: nothing here knows routes, senders or the store.
"""

import asyncio
import contextlib
import re
import sys
import time
from collections.abc import Awaitable, Callable
from functools import partial
from http import HTTPStatus

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from receiver.metrics import Sampled
from remediation import telemetry
from remediation.deliveries.signatures import Headers
from remediation.domain.errors import RemediationError

ACCEPTED = "accepted"
"""Set in a request's state when its delivery was accepted. The server keeps such connections longest."""

AT_ONCE = "answer_at_once"
"""Where the server offers, in a request's state, to write a whole answer: a function of the status, the lines of the
headers and the body. It returns False where the answer must be sent in messages. Not for answers without a body."""

RETRY_AFTER = 5
"""Seconds after which a sender may repeat a delivery that failed for an unforeseen reason."""

_JSON = re.compile(
    rb"application/(?:[a-z0-9.-]{1,80}\+)?json[ \t]*(?:;[ \t]*charset=(?:utf-8|\"utf-8\")[ \t]*)?;?", re.IGNORECASE
)
_MOST_DIGITS = 18
"""A length with more digits counts as unlimited; Python's `int` refuses texts of some thousand digits."""

logger = structlog.get_logger()


class RequestRefused(RemediationError):
    """The request cannot be a delivery. The answer is `status`, `headers`, and the status's own phrase as body."""

    status: HTTPStatus
    headers: tuple[tuple[str, str], ...] = ()


class BodyTooLarge(RequestRefused):
    """More bytes than the limit. The connection is closed: the rest is not waited for."""

    status = HTTPStatus(413)  # its name changes between Python 3.12 and 3.13
    headers = (("connection", "close"),)


class BodyTooSlow(RequestRefused):
    """The body was not complete in time. The connection is closed."""

    status = HTTPStatus.REQUEST_TIMEOUT
    headers = (("connection", "close"),)


class MediaTypeRefused(RequestRefused):
    """The body is not JSON in UTF-8, or has a Content-Encoding."""

    status = HTTPStatus.UNSUPPORTED_MEDIA_TYPE


class SenderGone(RemediationError):
    """The sender closed the connection before its body was complete: there is nobody to answer."""


def require_json(headers: Headers) -> None:
    """Raise MediaTypeRefused unless one Content-Type says JSON (or +json), in UTF-8, without Content-Encoding."""
    types = headers.get(b"content-type", ())
    if len(types) != 1 or not _JSON.fullmatch(types[0]):
        raise MediaTypeRefused("the content type is not JSON in UTF-8")
    if b"content-encoding" in headers:
        raise MediaTypeRefused("content encodings are not accepted")


async def read_body(receive: Receive, headers: Headers, *, limit: int) -> bytes:
    """Read the whole body: at most `limit` bytes. How long that may take is the caller's business.

    A Content-Length above the limit is refused before anything is read; bytes are counted in any case. Raises
    BodyTooLarge or SenderGone.
    """
    if _announced_length(headers) > limit:
        raise BodyTooLarge("the announced body is too large")
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise SenderGone("the sender hung up")
        part: bytes = message.get("body", b"")
        if len(body) + len(part) > limit:
            raise BodyTooLarge("the body is too large")
        if not message.get("more_body", False):
            return bytes(body + part) if body else part
        body += part


def announced_length(value: bytes) -> int:
    """The value of one Content-Length header, with any number of digits; 0 where it is no number."""
    value = value.strip(b" \t")
    if not value.isdigit():
        return 0
    if len(value) <= _MOST_DIGITS:
        return int(value)
    digits = value.lstrip(b"0")
    return int(digits or b"0") if len(digits) <= _MOST_DIGITS else sys.maxsize


def _announced_length(headers: Headers) -> int:
    """The largest Content-Length, 0 without one. The server has already refused malformed ones."""
    return max(map(announced_length, headers.get(b"content-length", ())), default=0)


class Unforeseen:
    """Tells of errors that nobody caught, as LastResort describes it."""

    def __init__(self) -> None:
        self._gone = Sampled(time.monotonic)

    async def end(self, error: BaseException, answer: Callable[[], Awaitable[None]], *, is_answered: bool) -> None:
        """Tell of the error, and give `answer` where somebody waits for one and none was begun.

        Raises a cancellation where one was begun. Otherwise it is not raised: uvicorn would answer 500.
        """
        is_awaited = self._tell(error)
        if is_answered and isinstance(error, asyncio.CancelledError):
            raise error
        if is_awaited and not is_answered:
            await answer()

    def _tell(self, error: BaseException) -> bool:
        """Log the error, and report it where it is a defect. Returns whether somebody waits for an answer."""
        match error:
            case SenderGone():
                if count := self._gone.count("sender_gone"):
                    logger.info("sender_gone", count=count)
                return False
            case asyncio.CancelledError():
                logger.warning("request_cut_short")
            case _:
                logger.error("request_failed", exc_info=error)
                telemetry.report(error)
        return True


class LastResort:
    """Middleware: answers an uncaught error with 503 and Retry-After, and logs its class, never its words.

    A request that the server cancels at the end of a stop is answered in the same way. Senders repeat what got a 503,
    so no delivery is lost by a defect. It belongs in the `middleware` list of an application: around the application,
    Starlette's own 500 would come first. SenderGone gets no answer. A response that has begun stays as it is; the
    server closes the connection.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._unforeseen = Unforeseen()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request of ASGI; scopes other than HTTP pass through."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun = False

        async def watched_send(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            await self._app(scope, receive, watched_send)
        except (Exception, asyncio.CancelledError) as error:  # noqa: BLE001 - it is told of there
            await self._unforeseen.end(error, partial(_send_unavailable, send), is_answered=begun)


async def _send_unavailable(send: Send) -> None:
    body = HTTPStatus.SERVICE_UNAVAILABLE.phrase.encode()
    headers = [
        (b"content-type", b"text/plain; charset=utf-8"),
        (b"content-length", str(len(body)).encode()),
        (b"retry-after", str(RETRY_AFTER).encode()),
    ]
    # a sender that has gone cannot be answered; servers report that as OSError
    with contextlib.suppress(OSError):
        await send({"type": "http.response.start", "status": HTTPStatus.SERVICE_UNAVAILABLE, "headers": headers})
        await send({"type": "http.response.body", "body": body})
