"""Cron: wake what is due: put off, orphaned by a crash, forgotten by the queue, or by appointment."""

import structlog

from workers.jobs import never_raising
from workers.metrics import CASES_HELD, DIRTY, PARKED, SYSTEMS_WAITED_FOR, WOKEN
from workers.resources import Desk

logger = structlog.get_logger()


@never_raising
async def sweep(desk: Desk) -> None:
    """Wake whatever is due, and take the measure of what waits. May run twice at once without harm."""
    sooner = await desk.systems.release(desk.clock())
    woken = await desk.todo.sweep(desk.clock())
    for kind, count in woken.items():
        WOKEN.labels(kind).inc(count)
    if any(woken.values()):
        logger.info("swept", **woken)
    if sooner:
        logger.info("cases_brought_forward", count=sooner)
    DIRTY.set(await desk.todo.dirty())
    PARKED.set(await desk.parked.count())
    await _measure_systems(desk)


async def _measure_systems(desk: Desk) -> None:
    troubles = await desk.systems.in_trouble()
    SYSTEMS_WAITED_FOR.clear()
    CASES_HELD.clear()
    for trouble in troubles:
        SYSTEMS_WAITED_FOR.labels(trouble.system, trouble.waiting).set(1)
        CASES_HELD.labels(trouble.system).set(trouble.cases)
