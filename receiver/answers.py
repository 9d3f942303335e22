"""How errors become answers: one handler per class, each with a constant body."""

import math
import time
from http import HTTPStatus

import structlog
from starlette.datastructures import State
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from receiver.accounts import Account
from receiver.limits import RETRY_AFTER, RequestRefused
from receiver.metrics import DELIVERIES, Sampled
from remediation import telemetry
from remediation.domain.errors import Full, OverLimit

logger = structlog.get_logger()


async def refused(request: Request, error: Exception) -> Response:
    """408, 413 or 415: the request cannot be a delivery."""
    if not isinstance(error, RequestRefused):
        raise error
    return _answer(request, error.status, dict(error.headers), type(error).__name__)


async def unavailable(request: Request, error: Exception) -> Response:
    """503: the store did not take the delivery, or the process is stopping.

    The sender keeps the delivery and repeats it.
    """
    return _answer(request, HTTPStatus.SERVICE_UNAVAILABLE, {"retry-after": str(RETRY_AFTER)}, type(error).__name__)


async def over_limit(request: Request, error: Exception) -> Response:
    """503: the account has used up its delivery limit, or what is kept for it. The sender repeats the delivery."""
    if not isinstance(error, OverLimit | Full):
        raise error
    headers = {"retry-after": str(max(1, math.ceil(error.after)))}
    return _answer(request, HTTPStatus.SERVICE_UNAVAILABLE, headers, type(error).__name__)


def _answer(request: Request, status: HTTPStatus, headers: dict[str, str], reason: str) -> Response:
    note_not_taken(request, status, reason)
    telemetry.note(outcome=reason)
    if account := getattr(request.state, "account", None):  # set by the endpoint that knew whose delivery it is
        DELIVERIES.labels(account.sender.name, account.name, str(status.value), reason).inc()
    return PlainTextResponse(f"{status.phrase}\n", status_code=status, headers=headers)


def note_not_taken(request: Request, status: HTTPStatus, reason: str, **named: str) -> None:
    """Log a delivery that was not taken: the first of its kind at once, later ones as a count, one line in ten seconds.

    A kind is an answer, a reason and the account that the delivery claims. `named` are further fields of the line.
    """
    account: Account | None = getattr(request.state, "account", None)
    kind = f"{status.value} {reason} {account.path if account else ''}"
    if count := note_rarely(request.app.state, kind):
        log = logger.warning if status is HTTPStatus.SERVICE_UNAVAILABLE else logger.info
        log("delivery_not_taken", **named, status=status.value, reason=reason, count=count)


def note_rarely(state: State, kind: str) -> int:
    """Count an event of this kind. Returns how many there were since the last line where a line is due, else 0."""
    return _sampled(state).count(kind)


def _sampled(state: State) -> Sampled:
    """The application's own counter, created for the first delivery that is not taken."""
    if not hasattr(state, "not_taken"):
        state.not_taken = Sampled(time.monotonic)
    sampled: Sampled = state.not_taken
    return sampled
