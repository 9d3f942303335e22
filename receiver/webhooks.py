"""The way of a delivery, from its first byte to its answer: read, verify, store, answer 202.

Nothing is parsed before it is verified. It runs for every delivery: whatever is the same for all is prepared before.
"""

import time
from dataclasses import dataclass

import structlog
from starlette.datastructures import State
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from receiver.accounts import Account
from receiver.answers import ANSWERED, TAKEN, UNKNOWN, SenderAnswer, answer_to
from receiver.limits import ACCEPTED, BodyTooSlow, read_body, require_json
from receiver.metrics import (
    ACCEPT_SECONDS,
    NOBODY,
    NOT_KEPT,
    OVER_LIMIT,
    SIGNATURE_FAILURES,
    SIGNATURES_SEEN,
    answered,
    counted_as,
    secret_used,
)
from remediation import telemetry
from remediation.deliveries.events import SCHOOLSCAN, Event, Sender, UnknownEvent, delivery_id
from remediation.deliveries.signatures import Headers, SignatureFormat, Verified, verify
from remediation.deliveries.ticket_events import TicketNoticed
from remediation.domain.errors import Full, OverLimit, RemediationError, SignatureInvalid, StoreUnavailable, Unreadable
from remediation.failpoints import failpoint
from remediation.telemetry import Origin

logger = structlog.get_logger()

STORE_DEADLINE = 2.5
"""Seconds for all calls to Redis together, so that a sender has its 503 within 3 seconds."""


@dataclass(frozen=True, slots=True)
class _Proof:
    """Proof that a delivery is from its sender: how it was verified, and the ids of the secrets that signed it."""

    verified: Verified
    signers: tuple[str, ...]


class Webhooks:
    """Middleware: takes what is posted to the address of an account. Everything else is the application's."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request of ASGI. The failpoint lies behind its answer."""
        posted = scope["type"] == "http" and scope["method"] == "POST"
        account = scope["app"].state.addresses.get(scope["path"]) if posted else None
        if account is None:
            await self._app(scope, receive, send)
            return
        named = account.named
        structlog.contextvars.bind_contextvars(**named)
        telemetry.note(**named)
        answer = await _answer(scope, receive, scope["app"].state, account)
        await answer.send(send)
        failpoint("answered")


async def _answer(scope: Scope, receive: Receive, state: State, account: Account) -> SenderAnswer:
    """202 once the delivery is durable, also for a repeat; for other answers see answers.py."""
    began, headers = time.perf_counter(), scope["headers"]
    try:
        with state.stop.in_time() as deadline:
            require_json(headers)
            deadline.set(state.body_deadline, BodyTooSlow)
            body = await read_body(receive, headers, limit=state.max_body_bytes)
            deadline.set(STORE_DEADLINE, StoreUnavailable)
            proof = await _proof(state, account, headers, body)
            failpoint("verified")
            origin = Origin(scope["state"]["request_id"], telemetry.traceparent())
            with telemetry.span("store_delivery"):
                outcome = await _stored(state, account, body, proof, origin)
    except ANSWERED as error:
        return _not_taken(state, account, error)
    ACCEPT_SECONDS.observe(time.perf_counter() - began)
    scope["state"][ACCEPTED] = True
    return _counted(state, TAKEN, account.sender.name, account.name, outcome)


async def _proof(state: State, account: Account, headers: Headers, body: bytes) -> _Proof:
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
        secret_used(account.sender.name, account.name, signer).inc()
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
        if count := state.not_taken.count(f"untimed {account.path}"):
            logger.warning("delivery_without_signed_time", count=count)
        raise SignatureInvalid("the signature does not verify")


async def _stored(state: State, account: Account, body: bytes, proof: _Proof, origin: Origin) -> str:
    """Store the delivery under the id that its sender signed. Returns the outcome. Raises OverLimit and Full."""
    sender, name, inbox, now = account.sender, account.name, state.inbox, state.clocks.stored()
    arrival = state.admission.arrival(account, proof.signers, origin)
    said = _said(sender, body)
    event_id = (said.event_id if isinstance(said, Event) else None) or proof.verified.signed_id
    row = delivery_id(sender.name, name, event_id, "" if event_id else inbox.fingerprint(body))
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
    logger.info("delivery_accepted", delivery=row, outcome=outcome, format=str(proof.verified.format))
    return outcome


def _said(sender: Sender, body: bytes) -> Event | TicketNoticed | UnknownEvent | Unreadable:
    """The delivery's event, or why it cannot be read."""
    try:
        return sender.read(body)
    except Unreadable as error:
        return error


def _not_taken(state: State, account: Account, error: RemediationError) -> SenderAnswer:
    sender, name = account.sender.name, account.name
    match error:
        case SignatureInvalid():
            SIGNATURE_FAILURES.labels(sender, name).inc()
            SIGNATURES_SEEN.labels(sender, name, error.seen or "untimed").inc()
        case OverLimit():
            OVER_LIMIT.labels(sender, name).inc()
            state.admission.refused(account, error)
        case Full():
            NOT_KEPT.labels(sender, name, type(error).__name__).inc()
        case _:
            pass  # counted with the answer
    answer, reason = answer_to(error)
    state.not_taken.note(answer.status, reason, sender, account.path)
    return _counted(state, answer, sender, name, reason)


def _counted(state: State, answer: SenderAnswer, sender: str, account: str, reason: str) -> SenderAnswer:
    answered(sender, account, answer.status, reason).inc()
    state.tally.add(*counted_as(sender, account, answer.status, reason))
    telemetry.note(outcome=reason)
    return answer


async def unknown_district(request: Request) -> Response:
    """404 at an address of SchoolScan's that is no district's."""
    return _unknown(request, SCHOOLSCAN.name, "unknown_district")


async def unknown_tracker(request: Request) -> Response:
    """404 at an address that is no tracker's with a webhook in mappings.yaml."""
    return _unknown(request, NOBODY, "unknown_tracker")


def _unknown(request: Request, sender: str, reason: str) -> Response:
    request.app.state.not_taken.note(UNKNOWN.status, reason, sender)
    _counted(request.app.state, UNKNOWN, sender, NOBODY, reason)
    return PlainTextResponse(f"{UNKNOWN.status.phrase}\n", status_code=UNKNOWN.status)
