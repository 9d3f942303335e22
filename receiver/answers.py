"""What is answered, and why: every error that has an answer of its own is in one table, each with a constant body."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from http import HTTPStatus

import structlog
from starlette.types import Scope, Send

from receiver.correlation import HEADER
from receiver.limits import AT_ONCE, RETRY_AFTER, RequestRefused
from receiver.metrics import Sampled
from receiver.stopping import OutOfTime
from remediation.domain.errors import Full, OverLimit, RemediationError, SignatureInvalid, StoreUnavailable

logger = structlog.get_logger()

ANSWERED = (RequestRefused, SignatureInvalid, OverLimit, Full, StoreUnavailable, OutOfTime)
"""The errors for which a delivery is not taken. What else is raised is a defect (see LastResort)."""


@dataclass(frozen=True, slots=True)
class SenderAnswer:
    """A complete answer: a status, its phrase as the body, and headers. It can be sent any number of times.

    `code` is the status as a plain number, which costs less to look up.
    """

    status: HTTPStatus
    more_headers: tuple[tuple[bytes, bytes], ...] = ()
    code: int = field(init=False, repr=False)
    headers: tuple[tuple[bytes, bytes], ...] = field(init=False, repr=False)
    lines: bytes = field(init=False, repr=False)
    body: bytes = field(init=False, repr=False)

    def __post_init__(self) -> None:
        body = f"{self.status.phrase}\n".encode()
        length = (b"content-length", b"%d" % len(body))
        headers = (length, (b"content-type", b"text/plain; charset=utf-8"), *self.more_headers)
        object.__setattr__(self, "code", self.status.value)
        object.__setattr__(self, "headers", headers)
        object.__setattr__(self, "lines", b"".join(b"%b: %b\r\n" % pair for pair in headers))
        object.__setattr__(self, "body", body)

    async def send(self, scope: Scope, send: Send, request_id: str, *, is_last: bool) -> None:
        """Answer with it: at once, where the server offers that. The last answer closes its connection."""
        at_once, own = scope["state"].get(AT_ONCE), (HEADER, request_id.encode())
        if at_once and not is_last and at_once(self.code, b"%b%b: %b\r\n" % (self.lines, *own), self.body):
            return
        headers = [*self.headers, own]
        if is_last and _CLOSE not in headers:
            headers.append(_CLOSE)
        await send({"type": "http.response.start", "status": self.code, "headers": headers})
        await send({"type": "http.response.body", "body": self.body})


_CLOSE = (b"connection", b"close")

TAKEN = SenderAnswer(HTTPStatus.ACCEPTED)
UNKNOWN = SenderAnswer(HTTPStatus.NOT_FOUND)
_UNSIGNED = SenderAnswer(HTTPStatus.UNAUTHORIZED)


def answer_to(error: RemediationError) -> tuple[SenderAnswer, str]:
    """The answer to one of ANSWERED, and its reason in one word, for metrics and logs."""
    match error:
        case SignatureInvalid():
            return _UNSIGNED, "signature"
        case RequestRefused():
            headers = tuple((name.encode(), value.encode()) for name, value in error.headers)
            return SenderAnswer(error.status, headers), type(error).__name__
        case OverLimit() | Full():
            return _repeat_after(max(1, math.ceil(error.after))), type(error).__name__
        case _:
            return _repeat_after(RETRY_AFTER), type(error).__name__


def _repeat_after(seconds: int) -> SenderAnswer:
    """The sender keeps the delivery, and repeats it."""
    return SenderAnswer(HTTPStatus.SERVICE_UNAVAILABLE, ((b"retry-after", b"%d" % seconds),))


UNFORESEEN = _repeat_after(RETRY_AFTER)
"""The answer to a delivery that an error keeps from being stored which has no answer of its own."""


class NotTaken:
    """Logs deliveries that were not taken: the first of its kind at once, later ones as a count every ten seconds.

    A kind is an answer, a reason and the account that the delivery claims. `clock` is monotonic.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._sampled = Sampled(clock)

    def note(self, status: HTTPStatus, reason: str, sender: str, path: str = "") -> None:
        """Count one more; `path` is the account's."""
        if count := self.count(f"{status.value} {reason} {path}"):
            log = logger.warning if status is HTTPStatus.SERVICE_UNAVAILABLE else logger.info
            log("delivery_not_taken", sender=sender, status=status.value, reason=reason, count=count)

    def count(self, kind: str) -> int:
        """Count an event of this kind. Returns how many there were since the last line where one is due, else 0."""
        return self._sampled.count(kind)
