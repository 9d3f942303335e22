"""The way of a delivery, from its first byte to its answer: read, verify, store, answer 202.

Nothing is parsed before it is verified. It runs for every delivery: whatever is the same for all is prepared before.
"""

import asyncio
import contextlib
import time
from functools import partial

import structlog
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from receiver.accounts import Account
from receiver.answers import ANSWERED, TAKEN, UNFORESEEN, UNKNOWN, SenderAnswer, answer_to
from receiver.context import ReceiverContext
from receiver.correlation import ids_here, request_id_of, span_of
from receiver.limits import ACCEPTED, BodyTooSlow, Unforeseen, read_body, require_json
from receiver.metrics import (
    ACCEPT_SECONDS,
    NOBODY,
    NOT_KEPT,
    OVER_LIMIT,
    SIGNATURE_FAILURES,
    SIGNATURES_SEEN,
    counts_of,
    secret_used,
)
from remediation import telemetry
from remediation.deliveries.events import SCHOOLSCAN, Event, Sender, UnknownEvent, delivery_id
from remediation.deliveries.signatures import Headers, SignatureFormat, Verified, by_name, verify
from remediation.deliveries.ticket_events import TicketNoticed
from remediation.domain.errors import Full, OverLimit, RemediationError, SignatureInvalid, StoreUnavailable, Unreadable
from remediation.failpoints import failpoint
from remediation.log_context import LogContext
from remediation.store.deliveries.inbox import Arrival
from remediation.telemetry import Origin

logger = structlog.get_logger()

STORE_DEADLINE = 2.5
"""Seconds for all calls to Redis together, so that a sender has its 503 within 3 seconds."""


class Webhooks:
    """Middleware: takes what is posted to the address of an account. Everything else is the application's.

    It lies around all others. For a delivery, which comes ten thousand times as often as anything else, it does itself
    what the others do for each request: its id, its span, its log lines, the answer to an unforeseen error, and that an
    answer during a stop closes its connection.
    """

    def __init__(self, app: ASGIApp, context: ReceiverContext) -> None:
        self._app = app
        self._context = context
        self._unforeseen = Unforeseen()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request of ASGI."""
        posted = scope["type"] == "http" and scope["method"] == "POST"
        account = self._context.addresses.get(scope["path"]) if posted else None
        if account is None:
            await self._app(scope, receive, send)
        else:
            await self._take(account, scope, receive, send)

    async def _take(self, account: Account, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a delivery. The failpoint lies behind the answer."""
        context, headers, answer = self._context, by_name(scope["headers"]), None
        request_id = request_id_of(headers)
        scope.setdefault("state", {})
        with span_of(headers, request_id), LogContext(**ids_here(request_id), **account.named):
            telemetry.note(**account.named)
            try:
                answer = await _answer(context, account, headers, receive, request_id)
                if answer is TAKEN:
                    scope["state"][ACCEPTED] = True
                await answer.send(scope, send, request_id, is_last=context.stop.is_begun)
                failpoint("answered")
            except (Exception, asyncio.CancelledError) as error:  # noqa: BLE001 - it is told of there
                unforeseen = partial(self._send_unforeseen, scope, send, request_id)
                await self._unforeseen.end(error, unforeseen, is_answered=answer is not None)

    async def _send_unforeseen(self, scope: Scope, send: Send, request_id: str) -> None:
        """Answer that the delivery was not stored, whatever kept it from that."""
        telemetry.note(status=UNFORESEEN.code)
        with contextlib.suppress(OSError):  # who has gone cannot be answered
            await UNFORESEEN.send(scope, send, request_id, is_last=self._context.stop.is_begun)


async def _answer(
    context: ReceiverContext, account: Account, headers: Headers, receive: Receive, request_id: str
) -> SenderAnswer:
    """202 once the delivery is durable, also for a repeat; for other answers see answers.py."""
    began = time.perf_counter()
    try:
        with context.stop.in_time() as deadline:
            require_json(headers)
            deadline.set(context.limits.body_deadline, BodyTooSlow)
            body = await read_body(receive, headers, limit=context.limits.max_body_bytes)
            deadline.set(STORE_DEADLINE, StoreUnavailable)
            verified, signers = await _verified(context, account, headers, body)
            failpoint("verified")
            arrival = context.admission.arrival(account, signers, Origin(request_id, telemetry.traceparent()))
            with telemetry.span("store_delivery"):
                outcome = await _stored(context, account, body, verified, arrival)
    except ANSWERED as error:
        return _not_taken(context, account, error)
    ACCEPT_SECONDS.observe(time.perf_counter() - began)
    return _counted(context, TAKEN, account.sender.name, account.name, outcome)


async def _verified(
    context: ReceiverContext, account: Account, headers: Headers, body: bytes
) -> tuple[Verified, tuple[str, ...]]:
    """How the signature was verified, and the ids of the secrets that signed. Raises SignatureInvalid.

    Redis is asked only afterwards, so that strangers cause no work there.
    """
    wanted, now = account.sender.expected_format(account.signature), context.clocks.signed()
    counting = [secret for secret in account.secrets if secret.counts_at(now)]
    values = [secret.value for secret in counting]
    verified = verify(headers, body, values, wanted, now, header=account.sender.header)
    signers = tuple([counting[number].id for number in verified.secrets])
    if wanted is SignatureFormat.AUTO:
        await _agree_on_times(context, account, verified.format, signers[0])
    for signer in signers:
        secret_used(account.sender.name, account.name, signer).inc()
    return verified, signers


async def _agree_on_times(context: ReceiverContext, account: Account, found: SignatureFormat, signer: str) -> None:
    """With `auto`, require a signed time of a sender that has signed one before. Raises SignatureInvalid.

    Whoever has the secret can so shut an honest sender out: `remedy doctor` tells, and `remedy webhooks reset` takes it
    back.
    """
    signed_times, now = context.signed_times, context.clocks.stored()
    if found.is_timestamped:
        await signed_times.note(account.name, now, signer)
    elif await signed_times.refuses(account.name, now):
        if count := context.not_taken.count(f"untimed {account.path}"):
            logger.warning("delivery_without_signed_time", count=count)
        raise SignatureInvalid("the signature does not verify")


async def _stored(context: ReceiverContext, account: Account, body: bytes, verified: Verified, arrival: Arrival) -> str:
    """Store the delivery under the id that its sender signed. Returns the outcome. Raises OverLimit and Full."""
    sender, name, inbox, now = account.sender, account.name, context.inbox, context.clocks.stored()
    said = _said(sender, body)
    event_id = (said.event_id if isinstance(said, Event) else None) or verified.signed_id
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
        context.admission.stored(account, arrival)
    outcome = outcome if is_new else "repeated"
    telemetry.note(delivery=row, outcome=outcome)
    context.logger.info("delivery_accepted", delivery=row, outcome=outcome, format=str(verified.format))
    return outcome


def _said(sender: Sender, body: bytes) -> Event | TicketNoticed | UnknownEvent | Unreadable:
    """The delivery's event, or why it cannot be read."""
    try:
        return sender.read(body)
    except Unreadable as error:
        return error


def _not_taken(context: ReceiverContext, account: Account, error: RemediationError) -> SenderAnswer:
    sender, name = account.sender.name, account.name
    match error:
        case SignatureInvalid():
            SIGNATURE_FAILURES.labels(sender, name).inc()
            SIGNATURES_SEEN.labels(sender, name, error.seen or "untimed").inc()
        case OverLimit():
            OVER_LIMIT.labels(sender, name).inc()
            context.admission.refused(account, error)
        case Full():
            NOT_KEPT.labels(sender, name, type(error).__name__).inc()
        case _:
            pass  # counted with the answer
    answer, reason = answer_to(error)
    context.not_taken.note(answer.status, reason, sender, account.path)
    return _counted(context, answer, sender, name, reason)


def _counted(context: ReceiverContext, answer: SenderAnswer, sender: str, account: str, reason: str) -> SenderAnswer:
    counts = counts_of(sender, account, answer.code, reason)
    counts.counter.inc()
    context.tally.add(counts.name, counts.district)
    telemetry.note(outcome=reason, status=answer.code)
    return answer


async def unknown_district(request: Request) -> Response:
    """404 at an address of SchoolScan's that is no district's."""
    return _unknown(request, SCHOOLSCAN.name, "unknown_district")


async def unknown_tracker(request: Request) -> Response:
    """404 at an address that is no tracker's with a webhook in mappings.yaml."""
    return _unknown(request, NOBODY, "unknown_tracker")


def _unknown(request: Request, sender: str, reason: str) -> Response:
    context: ReceiverContext = request.app.state.context
    context.not_taken.note(UNKNOWN.status, reason, sender)
    _counted(context, UNKNOWN, sender, NOBODY, reason)
    return PlainTextResponse(f"{UNKNOWN.status.phrase}\n", status_code=UNKNOWN.status)
