"""One endpoint per sender: read, verify, store, answer 202. Nothing is parsed before it is verified."""

import asyncio
import time
from http import HTTPStatus

import structlog
from starlette.datastructures import State
from starlette.requests import Request
from starlette.responses import Response

from receiver.accounts import Account, account_of
from receiver.limits import read_body, require_json
from receiver.metrics import ACCEPT_SECONDS, DELIVERIES
from remediation.errors import SignatureInvalid, StoreUnavailable, Unreadable
from remediation.events import delivery_id, read_schoolscan
from remediation.signatures import SignatureFormat, Verified, verify

logger = structlog.get_logger()

SENDER = "schoolscan"

STORE_DEADLINE = 2.5
"""Seconds that Redis may take in all, so that a sender has its 503 within 3."""


async def schoolscan(request: Request) -> Response:
    """A delivery of SchoolScan. 202 once it is durable, a repeat of a durable one included; else see answers.py."""
    started = time.perf_counter()
    state = request.app.state
    account = account_of(state.accounts, request.path_params.get("district"))
    if account is None:
        return _answer(HTTPStatus.NOT_FOUND, "unknown_district")
    headers = request.scope["headers"]
    require_json(headers)
    body = await read_body(request.receive, headers, limit=state.max_body_bytes, deadline=state.body_deadline)
    try:
        async with asyncio.timeout(STORE_DEADLINE):
            verified = await _verified(state, account, headers, body)
            outcome = await _stored(state, account, body, verified)
    except SignatureInvalid:
        return _answer(HTTPStatus.UNAUTHORIZED, "signature")
    except TimeoutError:
        raise StoreUnavailable("TimeoutError") from None
    ACCEPT_SECONDS.observe(time.perf_counter() - started)
    return _answer(HTTPStatus.ACCEPTED, outcome)


async def _verified(state: State, account: Account, headers: list[tuple[bytes, bytes]], body: bytes) -> Verified:
    auto = account.signature is SignatureFormat.AUTO
    timestamped_only = auto and await state.signed_times.required(account.district)
    now = state.clock()
    verified = verify(headers, body, account.secrets, account.signature, now, timestamped_only=timestamped_only)
    if auto and verified.format.is_timestamped:
        await state.signed_times.note(account.district)
    return verified


async def _stored(state: State, account: Account, body: bytes, verified: Verified) -> str:
    """Store the delivery under the id that its sender signed; answers how that went."""
    unreadable, event_id = None, verified.signed_id
    try:
        event = read_schoolscan(body)
        event_id = event.event_id or event_id
    except Unreadable as error:
        unreadable = str(error)
    row = delivery_id(SENDER, account.district, event_id, body)
    is_new = await state.inbox.accept(row, SENDER, account.district, body, state.clock(), unreadable=unreadable)
    outcome = "repeated" if not is_new else "quarantined" if unreadable else "stored"
    logger.info(
        "delivery_accepted", delivery=row, district=account.district, outcome=outcome, format=str(verified.format)
    )
    return outcome


def _answer(status: HTTPStatus, reason: str) -> Response:
    DELIVERIES.labels(SENDER, str(status.value), reason).inc()
    return Response(f"{status.phrase}\n", status_code=status, media_type="text/plain")
