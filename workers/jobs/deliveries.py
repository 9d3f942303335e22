"""Job: a delivery becomes events, and events become cases to look at."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import assert_never

import structlog

from remediation import telemetry
from remediation.deliveries.events import Event, FindingNoticed, ScanCompleted, ScanStarted, UnknownEvent
from remediation.deliveries.ticket_events import TicketNoticed
from remediation.domain.cases.records import CaseKey, CaseKind
from remediation.domain.errors import KeyMissing, Poison, StoreUnavailable, Unreadable
from remediation.domain.tickets import TicketChange
from remediation.queue import Band
from remediation.store.cases.links import Owners
from remediation.store.deliveries.inbox import ScanNote, StoredDelivery
from remediation.store.deliveries.parked import ParkedKind
from workers.jobs.boundary import MOST_STUMBLES, following, never_raising
from workers.metrics import DELIVERIES, KEYS_MISSING, RETRIES
from workers.resources import WorkerContext

logger = structlog.get_logger()


@never_raising
async def read_delivery(context: WorkerContext, delivery_id: str) -> None:
    """Read one delivery.

    Afterwards it is done, ignored (we do not know its event), parked (its data key is missing) or quarantined (it
    cannot be read).
    """
    try:
        delivery = await context.inbox.take(delivery_id, context.clock())
    except KeyMissing as error:
        unopened = await context.inbox.unopened(delivery_id)
        with _reading(unopened):
            KEYS_MISSING.inc()
            await _set_aside(context, ParkedKind.DELIVERY, unopened, error)
        return
    if delivery is None:
        return
    with _reading(delivery):
        await _take_in(context, delivery)


@contextmanager
def _reading(delivery: StoredDelivery) -> Iterator[None]:
    """The context of reading a delivery: log lines and spans have its sender, its account and its origin."""
    whose = {"sender": delivery.sender.name, **delivery.sender.named(delivery.account)}
    structlog.contextvars.bind_contextvars(**whose)
    with following(read_delivery.__name__, [delivery.origin], delivery=delivery.id, **whose):
        yield


async def _take_in(context: WorkerContext, delivery: StoredDelivery) -> None:
    outcome = "done"
    try:
        delivery.crashes.check()
        outcome = await _read(context, delivery)
    except Poison as error:
        await _set_aside(context, ParkedKind.DELIVERY, delivery, error)
        return
    except Unreadable as error:
        await _set_aside(context, ParkedKind.QUARANTINED, delivery, error)
        return
    except StoreUnavailable:
        raise
    except Exception as error:
        RETRIES.labels(read_delivery.__name__).inc()
        if await context.inbox.stumble(delivery.id) > MOST_STUMBLES:
            await _set_aside(context, ParkedKind.DELIVERY, delivery, error)
        raise
    finally:
        await context.inbox.let_go(delivery)
    telemetry.note(outcome=outcome)
    DELIVERIES.labels(delivery.sender.name, delivery.account, outcome).inc()


async def _read(context: WorkerContext, delivery: StoredDelivery) -> str:
    """Pass on what the delivery says. Returns the outcome, as the metric names it. Raises Unreadable."""
    event = delivery.sender.read(delivery.body)
    match event:
        case UnknownEvent():
            await context.inbox.ignore(delivery.id)
            logger.info("delivery_ignored")
            return "ignored"
        case TicketNoticed():
            await _pass_on_ticket(context, delivery, event)
        case _:
            await _pass_on(context, delivery, event)
    return "done"


async def _pass_on(context: WorkerContext, delivery: StoredDelivery, event: Event) -> None:
    district, now = delivery.account, context.clock()
    match event:
        case FindingNoticed(finding_id=finding_id):
            key, band = CaseKey(district, CaseKind.FINDING, finding_id), Band.CRITICAL if event.is_urgent else None
            await context.inbox.finish(delivery.id, now, [(key, band)])
            named = {"case": key.ref}
        case ScanStarted(scan_id=scan_id) | ScanCompleted(scan_id=scan_id):
            scan = ScanNote(district, scan_id, completed=isinstance(event, ScanCompleted))
            await context.inbox.finish(delivery.id, now, scan=scan)
            named = {"scan": scan.ref}
        case _:
            assert_never(event)
    logger.info("delivery_read", kind=str(event.kind), **named)


async def _pass_on_ticket(context: WorkerContext, delivery: StoredDelivery, noticed: TicketNoticed) -> None:
    """Mark the case of the ticket that the delivery names."""
    tracker = context.rulebook.former_names.get(delivery.account, delivery.account)
    change = noticed.change
    key = await _case_of(context, tracker, change)
    outcome = await context.inbox.finish_ticket(delivery.id, context.clock(), tracker, change, key)
    kind, ref = str(noticed.kind), key.ref if key else None
    logger.info("delivery_read", kind=kind, case=ref, outcome=outcome)


async def _case_of(context: WorkerContext, tracker: str, change: TicketChange) -> CaseKey | None:
    """The ticket's case, also of a district that mappings.yaml does not name; None where the ticket is not ours."""
    (key,) = await Owners(context.todo, context.rulebook).of(tracker, [change])
    return key


async def _set_aside(context: WorkerContext, kind: ParkedKind, delivery: StoredDelivery, error: Exception) -> None:
    district, tracker = ("", delivery.account) if delivery.sender.is_tracker else (delivery.account, "")
    await context.parked.park(kind, delivery.id, error, context.clock(), district=district, system=tracker)
    DELIVERIES.labels(delivery.sender.name, delivery.account, str(kind)).inc()
    telemetry.note(outcome=str(kind))
    logger.warning("delivery_set_aside", error=type(error).__name__)
