"""Round: wake what is due: put off, orphaned by a crash, forgotten by the queue, or by appointment."""

import structlog

from workers.jobs.boundary import never_raising
from workers.metrics import SWEEPS, WOKEN
from workers.resources import WorkerContext

logger = structlog.get_logger()


@never_raising
async def sweep(context: WorkerContext) -> None:
    """Wake whatever is due. May run twice at once without harm."""
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
