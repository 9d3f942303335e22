"""Cron: wake what is due: put off, orphaned by a crash, forgotten by the queue, or by appointment."""

import structlog

from workers.jobs import never_raising
from workers.metrics import DIRTY, PARKED, WOKEN
from workers.resources import Desk

logger = structlog.get_logger()


@never_raising
async def sweep(desk: Desk) -> None:
    """Wake whatever is due, and take the measure of what waits. May run twice at once without harm."""
    woken = await desk.todo.sweep(desk.clock())
    for kind, count in woken.items():
        WOKEN.labels(kind).inc(count)
    if any(woken.values()):
        logger.info("swept", **woken)
    DIRTY.set(await desk.todo.dirty())
    PARKED.set(await desk.parked.count())
