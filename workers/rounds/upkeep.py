"""Round: wake what is due: put off, orphaned by a crash, forgotten by the queue, or by appointment."""

import structlog

from workers.jobs.boundary import never_raising
from workers.metrics import SWEEPS, WOKEN
from workers.resources import Desk

logger = structlog.get_logger()


@never_raising
async def sweep(desk: Desk) -> None:
    """Wake whatever is due. May run twice at once without harm."""
    sooner = await desk.systems.release(desk.clock())
    names = desk.trackers.keys() | desk.rulebook.former_names.keys()
    named = await desk.todo.name_trackers(names, desk.clock())
    woken = await desk.todo.sweep(desk.clock())
    for kind, count in woken.items():
        WOKEN.labels(kind).inc(count)
        if count:
            logger.info("work_woken", kind=kind, count=count)
    if sooner:
        logger.info("cases_brought_forward", count=sooner)
    if named:
        logger.info("cases_of_named_trackers", count=named)
    SWEEPS.inc()
