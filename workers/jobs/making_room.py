"""What strangers leave behind is deleted in time, or makes room: counted, and told in the log."""

import structlog

from remediation.domain.cases.records import CaseKey
from remediation.store.deliveries.set_aside import Deleted
from workers.metrics import SET_ASIDE_DELETED
from workers.resources import WorkerContext

logger = structlog.get_logger()


async def make_room(context: WorkerContext, district: str, nobodys: CaseKey | None = None) -> None:
    """Delete what this district has beyond the limit on what SchoolScan does not know. Raises StoreUnavailable.

    `nobodys` is a case of which neither a finding nor a ticket was found just now, and nothing was known before.
    """
    tell_deleted(await context.set_aside.make_room(district, context.clock(), nobodys))


def tell_deleted(deleted: list[Deleted]) -> None:
    """Count and log what was deleted."""
    for each in deleted:
        for reason, count in (("age", each.over), ("room", each.room)):
            if count:
                SET_ASIDE_DELETED.labels(each.kind, each.account, reason).inc(count)
                logger.warning("set_aside_deleted", kind=each.kind, account=each.account, reason=reason, count=count)
