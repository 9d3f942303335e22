"""Rounds that look after the store: the sweep, the districts that are named, and the cases of an earlier version."""

import structlog

from remediation.domain.errors import StoreRefuses
from remediation.store.cases.lists import UnlistedCases
from workers.jobs.boundary import never_raising
from workers.metrics import SWEEPS, WOKEN
from workers.resources import WorkerContext

logger = structlog.get_logger()

RELEASE_SECONDS = 0.25
"""Seconds from the end of a window to its first request, at the most: that much of each window is lost."""

NOTE_SECONDS = 60.0
"""The precision, in seconds, with which the absence of a district is known."""

LIST_SECONDS = 5.0
"""Seconds between two rounds that list earlier cases."""

_LIST_STEPS = 20
"""Steps in one round, of a thousand keys each: the four million keys of a million cases take a quarter of an hour."""


@never_raising
async def sweep(context: WorkerContext) -> None:
    """Wake what is due: what was put off, orphaned by a crash, forgotten by the queue, or has an appointment.

    It may run twice at once without harm.
    """
    sooner = await context.systems.release(context.clock())
    names = context.trackers.keys() | context.rulebook.former_names.keys()
    named = await context.todo.name_trackers(names, context.clock())
    woken = await context.todo.sweep(context.clock())
    for kind, count in woken.items():
        WOKEN.labels(kind).inc(count)
        if count:
            logger.info("work_woken", kind=kind, count=count)
    if sooner:
        logger.info("cases_brought_forward", count=sooner)
    if named:
        logger.info("cases_of_named_trackers", count=named)
    SWEEPS.inc()


@never_raising
async def release_budgets(context: WorkerContext) -> None:
    """Wake cases that wait for a budget in which there is room again: at the end of a window nothing else does."""
    await context.budgets.release(context.clock())


@never_raising
async def note_districts(context: WorkerContext) -> None:
    """Log each district that mappings.yaml does not name any more, and each that it names again.

    While it is not named, nobody can verify SchoolScan's deliveries for it: they are answered 404. What changed there
    is listed once it is named again.
    """
    for change in await context.scans.note_districts(
        dict.fromkeys(name for name, _ in context.sources), context.clock()
    ):
        if change.is_back:
            logger.warning("district_back", district=change.district)
        else:
            logger.warning("district_not_named", district=change.district)


@never_raising
async def list_earlier_cases(context: WorkerContext) -> None:
    """Put more of the cases that an earlier version wrote onto the lists of cases, from where the last round ended.

    Without the right to SCAN, each case is listed from its next look on.
    """
    unlisted = UnlistedCases(context.connection)
    try:
        for _ in range(_LIST_STEPS):
            if await unlisted.list_some(context.clock()):
                return
    except StoreRefuses as error:
        logger.warning("cases_not_listed", reason=error.reason)
