"""One endpoint per kind of address: read, verify, store, answer 202. Nothing is parsed before it is verified."""

import asyncio
import time
from dataclasses import dataclass
from http import HTTPStatus

import structlog
from starlette.datastructures import State
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from receiver.accounts import Account
from receiver.answers import note_not_taken, note_rarely
from receiver.limits import ACCEPTED, read_body, require_json
from receiver.metrics import ACCEPT_SECONDS, DELIVERIES, NOT_KEPT, OVER_LIMIT, SECRET_USES, SIGNATURE_FAILURES
from remediation import telemetry
from remediation.deliveries.events import SCHOOLSCAN, Event, Sender, UnknownEvent, delivery_id
from remediation.deliveries.signatures import SignatureFormat, Verified, verify
from remediation.deliveries.ticket_events import TicketNoticed
from remediation.domain.errors import Full, OverLimit, SignatureInvalid, StoreUnavailable, Unreadable
from remediation.failpoints import failpoint
from remediation.telemetry import Origin

logger = structlog.get_logger()

STORE_DEADLINE = 2.5
"""Seconds for all calls to Redis together, so that a sender has its 503 within 3 seconds."""

_NOBODY = "unknown"
"""The account label, and where needed the sender label, of deliveries to addresses that mappings.yaml does not name.
Anybody can invent names, so they are counted together."""


@dataclass(frozen=True, slots=True)
class _Proof:
    """Proof that a delivery is from its sender: how it was verified, and the ids of the secrets that signed it."""

    verified: Verified
    signers: tuple[str, ...]


async def schoolscan(request: Request) -> Response:
    """Answer a delivery of SchoolScan: 202 once it is durable, also for a repeat; for other answers see answers.py."""
    account = request.app.state.accounts.of_district(request.path_params.get("district"))
    if account is None:
        return _refusal(request, SCHOOLSCAN.name, _NOBODY, HTTPStatus.NOT_FOUND, "unknown_district")
    return await _delivery(request, account)


async def tracker(request: Request) -> Response:
    """Answer a delivery of a tracker that has a webhook in mappings.yaml, in the same way."""
    account = request.app.state.accounts.trackers.get(request.path_params["tracker"])
    if account is None:
        return _refusal(request, _NOBODY, _NOBODY, HTTPStatus.NOT_FOUND, "unknown_tracker")
    return await _delivery(request, account)


async def _delivery(request: Request, account: Account) -> Response:
    request.state.account = account
    whose = {"sender": account.sender.name, **account.sender.named(account.name)}
    structlog.contextvars.bind_contextvars(**whose)
    telemetry.note(**whose)
    async with request.app.state.stop.in_time():
        return await _taken(request, account)


async def _taken(request: Request, account: Account) -> Response:
    started, state, headers = time.perf_counter(), request.app.state, request.scope["headers"]
    require_json(headers)
    body = await read_body(request.receive, headers, limit=state.max_body_bytes, deadline=state.body_deadline)
    try:
        async with asyncio.timeout(STORE_DEADLINE):
            proof = await _proof(state, account, headers, body)
            failpoint("verified")
            origin = Origin(request.state.request_id, telemetry.traceparent())
            with telemetry.span("store_delivery"):
                outcome = await _stored(state, account, body, proof, origin)
    except SignatureInvalid:
        SIGNATURE_FAILURES.labels(account.sender.name, account.name).inc()
        return _refusal(request, account.sender.name, account.name, HTTPStatus.UNAUTHORIZED, "signature")
    except OverLimit as error:
        OVER_LIMIT.labels(account.sender.name, account.name).inc()
        state.admission.refused(account, error)
        raise
    except Full as error:
        NOT_KEPT.labels(account.sender.name, account.name, type(error).__name__).inc()
        raise
    except TimeoutError:
        raise StoreUnavailable("TimeoutError") from None
    ACCEPT_SECONDS.observe(time.perf_counter() - started)
    setattr(request.state, ACCEPTED, True)
    return _answer(account.sender.name, account.name, HTTPStatus.ACCEPTED, outcome)


async def _proof(state: State, account: Account, headers: list[tuple[bytes, bytes]], body: bytes) -> _Proof:
    """Verify the signature. Raises SignatureInvalid.

    Redis is asked only afterwards, so that strangers cause no work there.
    """
    wanted, now = account.sender.expected_format(account.signature), state.clocks.signed()
    counting = [secret for secret in account.secrets if secret.counts_at(now)]
    values = [secret.value for secret in counting]
    verified = verify(headers, body, values, wanted, now, header=account.sender.header)
    signers = tuple(counting[number].id for number in verified.secrets)
    if wanted is SignatureFormat.AUTO:
        await _agree_on_times(state, account, verified.format, signers[0])
    for signer in signers:
        SECRET_USES.labels(account.sender.name, account.name, signer).inc()
    return _Proof(verified, signers)


async def _agree_on_times(state: State, account: Account, found: SignatureFormat, signer: str) -> None:
    """With `auto`, require a signed time of a sender that has signed one before. Raises SignatureInvalid.

    Whoever has the secret can so shut an honest sender out: `remedy doctor` tells, and `remedy webhooks reset` takes it
    back.
    """
    signed_times, now = state.signed_times, state.clocks.stored()
    if found.is_timestamped:
        await signed_times.note(account.name, now, signer)
    elif await signed_times.refuses(account.name, now):
        if count := note_rarely(state, f"untimed {account.path}"):
            logger.warning("delivery_without_signed_time", count=count)
        raise SignatureInvalid("the signature does not verify")


async def _stored(state: State, account: Account, body: bytes, proof: _Proof, origin: Origin) -> str:
    """Store the delivery under the id that its sender signed. Returns the outcome. Raises OverLimit and Full."""
    sender, name, inbox, now = account.sender, account.name, state.inbox, state.clocks.stored()
    arrival, verified = state.admission.arrival(account, proof.signers, origin), proof.verified
    said = _said(sender, body)
    event_id = (said.event_id if isinstance(said, Event) else None) or verified.signed_id
    row = delivery_id(sender.name, name, event_id, inbox.fingerprint(body))
    match said:
        case UnknownEvent():
            outcome, is_new = "ignored", await inbox.accept_ignored(row, sender, name, now, arrival)
        case Unreadable():
            words = str(said)
            kept = inbox.accept(row, sender, name, body, now, arrival, unreadable=words)
            outcome, is_new = "quarantined", await kept
        case _:
            outcome, is_new = "stored", await inbox.accept(row, sender, name, body, now, arrival)
    failpoint("stored")
    if is_new:
        state.admission.stored(account, arrival)
    outcome = outcome if is_new else "repeated"
    telemetry.note(delivery=row, outcome=outcome)
    logger.info("delivery_accepted", delivery=row, outcome=outcome, format=str(verified.format))
    return outcome


def _said(sender: Sender, body: bytes) -> Event | TicketNoticed | UnknownEvent | Unreadable:
    """The delivery's event, or why it cannot be read."""
    try:
        return sender.read(body)
    except Unreadable as error:
        return error


def _refusal(request: Request, sender: str, account: str, status: HTTPStatus, reason: str) -> Response:
    note_not_taken(request, status, reason, sender=sender)
    return _answer(sender, account, status, reason)


def _answer(sender: str, account: str, status: HTTPStatus, reason: str) -> Response:
    DELIVERIES.labels(sender, account, str(status.value), reason).inc()
    telemetry.note(outcome=reason)
    return _TimedAnswer(f"{status.phrase}\n", status_code=status, media_type="text/plain")


class _TimedAnswer(Response):
    """An answer with a failpoint behind it."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await super().__call__(scope, receive, send)
        failpoint("answered")
