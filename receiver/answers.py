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
from receiver.metrics import DELIVERIES
from receiver.sampling import Sampled
from remediation import telemetry
from remediation.domain.errors import OverLimit

logger = structlog.get_logger()


async def refused(request: Request, error: Exception) -> Response:
    """408, 413 or 415: the request is not one that we read."""
    if not isinstance(error, RequestRefused):
        raise error
    return _answer(request, error.status, dict(error.headers), type(error).__name__)


async def unavailable(request: Request, error: Exception) -> Response:
    """503: the store did not take the delivery, or the process ends; the sender keeps it and comes again."""
    return _answer(request, HTTPStatus.SERVICE_UNAVAILABLE, {"retry-after": str(RETRY_AFTER)}, type(error).__name__)


async def over_limit(request: Request, error: Exception) -> Response:
    """503: this account has brought more than its limit; its sender keeps the delivery and comes again."""
    if not isinstance(error, OverLimit):
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
    """A line about a delivery that was not taken: the first of its kind at once, more of them now and then, counted.

    A kind is an answer, a reason and whose delivery it claims to be. `named` is what the line tells beside that.
    """
    account: Account | None = getattr(request.state, "account", None)
    kind = f"{status.value} {reason} {account.path if account else ''}"
    if count := _sampled(request.app.state).count(kind):
        log = logger.warning if status is HTTPStatus.SERVICE_UNAVAILABLE else logger.info
        log("delivery_not_taken", **named, status=status.value, reason=reason, count=count)


def _sampled(state: State) -> Sampled:
    """Each application has its own, from the first that it does not take."""
    if not hasattr(state, "not_taken"):
        state.not_taken = Sampled(time.monotonic)
    sampled: Sampled = state.not_taken
    return sampled
