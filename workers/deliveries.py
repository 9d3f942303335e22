"""Job: a delivery becomes events, and events become cases to look at."""

from typing import assert_never

import structlog

from remediation.cases import CaseKey, CaseKind
from remediation.errors import KeyMissing, Poison, StoreUnavailable, Unreadable
from remediation.events import Event, FindingNoticed, ScanCompleted, ScanStarted, read_schoolscan
from remediation.queue import Band
from remediation.store.inbox import ScanNote, StoredDelivery
from remediation.store.parked import ParkedKind
from workers.jobs import MOST_STUMBLES, never_raising
from workers.metrics import DELIVERIES
from workers.resources import Desk

logger = structlog.get_logger()


@never_raising
async def read_delivery(desk: Desk, delivery_id: str) -> None:
    """Read one delivery. Done, parked (its data key is missing) or quarantined (it cannot be read) afterwards."""
    try:
        delivery = await desk.inbox.take(delivery_id, desk.clock())
    except KeyMissing as error:
        await _set_aside(desk, ParkedKind.DELIVERY, delivery_id, "", error)
        return
    if delivery is None:
        return
    try:
        delivery.crashes.check()
        event = read_schoolscan(delivery.body)
        await _pass_on(desk, delivery, event)
    except Poison as error:
        await _set_aside(desk, ParkedKind.DELIVERY, delivery_id, delivery.district, error)
        return
    except Unreadable as error:
        await _set_aside(desk, ParkedKind.QUARANTINED, delivery_id, delivery.district, error)
        return
    except StoreUnavailable:
        raise
    except Exception as error:
        if await desk.inbox.stumble(delivery_id) > MOST_STUMBLES:
            await _set_aside(desk, ParkedKind.DELIVERY, delivery_id, delivery.district, error)
        raise
    finally:
        await desk.inbox.let_go(delivery)
    DELIVERIES.labels(delivery.district, "done").inc()
    logger.info("delivery_read", delivery=delivery_id, district=delivery.district, kind=str(event.kind))


async def _pass_on(desk: Desk, delivery: StoredDelivery, event: Event) -> None:
    district, now = delivery.district, desk.clock()
    match event:
        case FindingNoticed(finding_id=finding_id):
            band = Band.CRITICAL if event.is_urgent else None
            await desk.inbox.finish(delivery.id, now, [(CaseKey(district, CaseKind.FINDING, finding_id), band)])
        case ScanStarted(scan_id=scan_id):
            await desk.inbox.finish(delivery.id, now, scan=ScanNote(district, scan_id, completed=False))
        case ScanCompleted(scan_id=scan_id):
            await desk.inbox.finish(delivery.id, now, scan=ScanNote(district, scan_id, completed=True))
        case _:
            assert_never(event)


async def _set_aside(desk: Desk, kind: ParkedKind, delivery_id: str, district: str, error: Exception) -> None:
    await desk.parked.park(kind, delivery_id, error, desk.clock(), district=district)
    DELIVERIES.labels(district, str(kind)).inc()
    logger.warning("delivery_set_aside", delivery=delivery_id, district=district, error=type(error).__name__)
