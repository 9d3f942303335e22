"""Job: deliveries become events, and events become cases to look at. One job is for all that wait."""

import asyncio
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar, assert_never

import structlog

from remediation import telemetry
from remediation.deliveries.events import FindingNoticed, ScanCompleted, ScanStarted, UnknownEvent
from remediation.deliveries.ticket_events import TicketNoticed
from remediation.domain.cases.records import CaseKey, CaseKind
from remediation.domain.errors import KeyMissing, Poison, StoreUnavailable, Unreadable
from remediation.failpoints import failpoint
from remediation.log_context import LogContext
from remediation.queue import Band
from remediation.store.cases.links import Owners
from remediation.store.deliveries.parked import ParkedKind
from remediation.store.deliveries.readings import ChangeOutcome, DeliveryBatch, DeliveryNews, ScanNote, StoredDelivery
from workers.jobs.boundary import MOST_STUMBLES, following, never_raising, tell_failure
from workers.metrics import DELIVERIES, KEYS_MISSING, RETRIES
from workers.resources import WorkerContext

logger = structlog.get_logger()

READS_FOR = 2.0
"""Seconds after which a job takes up no further deliveries: the next job does, perhaps that of another worker."""

_PAUSE_EVERY = 8
"""Deliveries that are read one after the other before other jobs have a turn: about a millisecond."""

OfSource = FindingNoticed | ScanStarted | ScanCompleted | UnknownEvent

_OF_TICKETS = frozenset(str(each) for each in ChangeOutcome)

T = TypeVar("T")
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class _Reading:
    """A delivery, and what it says."""

    delivery: StoredDelivery
    event: OfSource | TicketNoticed


@dataclass(frozen=True, slots=True)
class _Finished:
    """What a delivery says, as the store and the log line have it. `outcome` is the metric's."""

    delivery: StoredDelivery
    news: DeliveryNews
    outcome: str
    told: dict[str, str | None]


@never_raising
async def read_delivery(context: WorkerContext, delivery_id: str) -> None:
    """Read this delivery and all others that wait, some at a time, for READS_FOR seconds.

    Afterwards each is done, ignored (we do not know its event), parked (its data key is missing) or quarantined (it
    cannot be read); or it waits for the sweep, after an error of ours.
    """
    until, wanted = time.monotonic() + READS_FOR, delivery_id
    while True:
        batch = await context.inbox.readings.take_some(wanted, context.clock())
        await _read_together(context, batch)
        for suspect in batch.suspects:
            await _try_alone(context, suspect)
        if not batch.left or time.monotonic() >= until:
            return
        wanted = ""


async def _try_alone(context: WorkerContext, delivery_id: str) -> None:
    """Read a delivery that has killed workers, unless something else that did is being tried: the sweep brings it."""
    try:
        batch = await context.inbox.readings.take(delivery_id, context.clock())
        if batch is not None:
            await _read_together(context, batch)
    except StoreUnavailable:
        raise
    except Exception as error:  # noqa: BLE001 - it is told, and those after it are tried
        with LogContext(delivery=delivery_id):
            tell_failure(read_delivery.__name__, error)


async def _read_together(context: WorkerContext, batch: DeliveryBatch) -> None:
    """Read deliveries and finish them in one step. Each that cannot be read ends by itself."""
    failed: dict[str, Exception] = {}
    is_over, is_cancelled = False, False
    try:
        failpoint("deliveries_taken")
        readings = await _readings(batch.deliveries, failed)
        finished = await _finished(context, readings, failed)
        outcomes = await _each(lambda some: _finish(context, batch.token, some), finished)
        failpoint("deliveries_finished")
        for each, outcome in zip(finished, outcomes, strict=True):
            if isinstance(outcome, Exception):
                failed[each.delivery.id] = outcome
            elif outcome:
                _tell(each, outcome)
        for delivery in batch.deliveries:
            if delivery.id in failed:
                await _fail(context, delivery, failed[delivery.id])
        is_over = True
    except asyncio.CancelledError:
        is_cancelled = True
        raise
    finally:
        if failed or batch.is_alone or not is_over:
            await context.inbox.readings.let_go(batch, context.clock(), at_once=is_cancelled)


async def _readings(deliveries: Sequence[StoredDelivery], failed: dict[str, Exception]) -> list[_Reading]:
    """What each delivery says; the error of each that cannot be read goes into `failed`."""
    readings: list[_Reading] = []
    for number, delivery in enumerate(deliveries, start=1):
        try:
            delivery.crashes.check()
            readings.append(_Reading(delivery, delivery.sender.read(delivery.opened())))
        except Exception as error:  # noqa: BLE001 - it is the trouble of this delivery alone
            failed[delivery.id] = error
        if number % _PAUSE_EVERY == 0:
            await asyncio.sleep(0)
    return readings


async def _finished(
    context: WorkerContext, readings: Sequence[_Reading], failed: dict[str, Exception]
) -> list[_Finished]:
    """What is to be done about each; the error of each whose ticket cannot be told goes into `failed`."""
    finished = [_of_source(each.delivery, each.event) for each in readings if not isinstance(each.event, TicketNoticed)]
    noticed: defaultdict[str, list[tuple[StoredDelivery, TicketNoticed]]] = defaultdict(list)
    for each in readings:
        if isinstance(each.event, TicketNoticed):
            account = each.delivery.account
            noticed[context.rulebook.former_names.get(account, account)].append((each.delivery, each.event))
    for tracker, some in noticed.items():
        keys = await _each(lambda some, of=tracker: _cases_of(context, of, some), some)  # type: ignore[misc]
        for (delivery, event), key in zip(some, keys, strict=True):
            if isinstance(key, Exception):
                failed[delivery.id] = key
            else:
                finished.append(_of_ticket(delivery, tracker, event, key))
    return finished


def _of_source(delivery: StoredDelivery, event: OfSource) -> _Finished:
    """What a delivery says that is not about a ticket."""
    district = delivery.account
    match event:
        case UnknownEvent():
            return _Finished(delivery, DeliveryNews.unknown(delivery.id), "ignored", {})
        case FindingNoticed(finding_id=finding_id):
            key, band = CaseKey(district, CaseKind.FINDING, finding_id), Band.CRITICAL if event.is_urgent else None
            news, named = DeliveryNews.of_case(delivery.id, key, band), {"case": key.ref}
        case ScanStarted(scan_id=scan_id) | ScanCompleted(scan_id=scan_id):
            scan = ScanNote(district, scan_id, completed=isinstance(event, ScanCompleted))
            news, named = DeliveryNews.of_scan(delivery.id, scan), {"scan": scan.ref}
        case _:
            assert_never(event)
    return _Finished(delivery, news, "done", {"kind": str(event.kind), **named})


def _of_ticket(delivery: StoredDelivery, tracker: str, noticed: TicketNoticed, key: CaseKey | None) -> _Finished:
    """What a delivery says of a ticket, with the case that it marks."""
    news = DeliveryNews.of_ticket(delivery.id, tracker, noticed.change, key)
    return _Finished(delivery, news, "done", {"kind": str(noticed.kind), "case": key.ref if key else None})


async def _cases_of(
    context: WorkerContext, tracker: str, some: Sequence[tuple[StoredDelivery, TicketNoticed]]
) -> Sequence[CaseKey | None]:
    """Each ticket's case, also of a district that mappings.yaml does not name; None where the ticket is not ours."""
    return await Owners(context.todo, context.rulebook).of(tracker, [noticed.change for _, noticed in some])


async def _finish(context: WorkerContext, token: str, some: Sequence[_Finished]) -> Sequence[str | Exception]:
    return await context.inbox.readings.finish(token, [each.news for each in some], context.clock()) if some else []


async def _each(work: Callable[[Sequence[T]], Awaitable[Sequence[R]]], items: Sequence[T]) -> list[R | Exception]:
    """The result for each item, or its error: where all together fail by an error of ours, each is tried by itself."""
    try:
        return [*await work(items)]
    except StoreUnavailable:
        raise
    except Exception as error:  # noqa: BLE001 - it is the trouble of one of them
        if len(items) == 1:
            return [error]
        return [result for each in items for result in await _each(work, [each])]


def _about(delivery: StoredDelivery) -> dict[str, str]:
    """What log lines and spans say of a delivery: its id, its sender and its account."""
    return {"delivery": delivery.id, "sender": delivery.sender.name, **delivery.sender.named(delivery.account)}


@contextmanager
def _told_of(delivery: StoredDelivery) -> Iterator[None]:
    """The context of one delivery: log lines and spans have its id, its sender, its account and its origin."""
    about = _about(delivery)
    with LogContext(**about), following(read_delivery.__name__, [delivery.origin], **about):
        yield


def _tell(each: _Finished, outcome: str) -> None:
    """Report a delivery that is finished."""
    said = each.told | ({"outcome": outcome} if outcome in _OF_TICKETS else {})
    if telemetry.is_recorded():
        with _told_of(each.delivery):
            telemetry.note(outcome=each.outcome)
            _log(each, said)
    else:  # the same line, without the context that costs more than all else about a delivery
        request_id = each.delivery.origin.request_id
        _log(each, _about(each.delivery) | said | ({"request_id": request_id} if request_id else {}))
    DELIVERIES.labels(each.delivery.sender.name, each.delivery.account, each.outcome).inc()


def _log(each: _Finished, said: dict[str, str | None]) -> None:
    if each.outcome == "ignored":
        logger.info("delivery_ignored", **said)
    else:
        logger.info("delivery_read", **said)


async def _fail(context: WorkerContext, delivery: StoredDelivery, error: Exception) -> None:
    """Set a delivery aside that cannot be read; after an error of ours the sweep brings it again, some times."""
    with _told_of(delivery):
        match error:
            case KeyMissing():
                KEYS_MISSING.inc()
                await _set_aside(context, ParkedKind.DELIVERY, delivery, error)
            case Poison():
                await _set_aside(context, ParkedKind.DELIVERY, delivery, error)
            case Unreadable():
                await _set_aside(context, ParkedKind.QUARANTINED, delivery, error)
            case _:
                RETRIES.labels(read_delivery.__name__).inc()
                if await context.inbox.readings.stumble(delivery) > MOST_STUMBLES:
                    await _set_aside(context, ParkedKind.DELIVERY, delivery, error)
                tell_failure(read_delivery.__name__, error)


async def _set_aside(context: WorkerContext, kind: ParkedKind, delivery: StoredDelivery, error: Exception) -> None:
    district, tracker = ("", delivery.account) if delivery.sender.is_tracker else (delivery.account, "")
    await context.parked.park(kind, delivery.id, error, context.clock(), district=district, system=tracker)
    DELIVERIES.labels(delivery.sender.name, delivery.account, str(kind)).inc()
    telemetry.note(outcome=str(kind))
    logger.warning("delivery_set_aside", error=type(error).__name__)
