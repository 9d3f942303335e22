"""Rounds: delete cases that came to their end long ago, give parked work up, and forget what nothing uses any more."""

import structlog

from remediation.store.cases.entries import GivenUp
from remediation.store.cases.retention import CaseRetention
from remediation.store.deliveries.giving_up import ParkedRetention
from remediation.store.unused import Unused
from workers.jobs.boundary import never_raising
from workers.metrics import CASES_DELETED, PARKED_GIVEN_UP
from workers.resources import WorkerContext

logger = structlog.get_logger()

EXPIRE_SECONDS = 60.0
"""Seconds between two rounds that look for what is over, each at a part of it."""

UNUSED_SECONDS = 86_400.0
"""Seconds between two rounds that forget names."""

_CASE_STEPS = 20
"""Steps in one round, of 200 cases each: a million cases take some four hours, once a day."""

_INDEX_STEPS = 12
"""Steps in one round, of four buckets each: where the tickets of a million cases are found takes some sixteen hours."""


@never_raising
async def forget_cases(context: WorkerContext) -> None:
    """Look at some cases at rest, and delete those that came to their end so long ago as retention.cases says."""
    retention = CaseRetention(context.connection, context.audit)
    deleted = await retention.forget(context.keeps_cases, context.clock(), _CASE_STEPS)
    for district, count in deleted.items():
        if count:
            CASES_DELETED.labels(district).inc(count)
            logger.info("cases_deleted", district=district, count=count)
    await Unused(context.connection).trim_indexes(context.clock(), _INDEX_STEPS)


@never_raising
async def give_up_parked(context: WorkerContext) -> None:
    """Give up some of the parked work about which nobody has decided for so long as retention.parked says."""
    now = context.clock()
    for each in await ParkedRetention(context.connection, context.audit).give_up(context.keeps_parked, now):
        PARKED_GIVEN_UP.labels(each.account).inc()
        if each.case:
            await context.timeline.tell(each.case, [GivenUp(now, each.action)])
        logger.warning("parked_given_up", account=each.account, action=each.name)


@never_raising
async def forget_unused(context: WorkerContext) -> None:
    """Forget the names of districts, trackers and data keys that nothing uses any more."""
    for tracker in await Unused(context.connection).forget_names(context.clock()):
        logger.info("tracker_forgotten", tracker=tracker)
