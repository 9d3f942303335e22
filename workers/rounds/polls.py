"""Round: ask each tracker which tickets changed, and mark their cases. Needs no webhook."""

import asyncio
from datetime import UTC, datetime

import structlog
from structlog.contextvars import bound_contextvars

from remediation import telemetry
from remediation.domain.cases import CaseKey
from remediation.domain.errors import OutsideError, TryLater
from remediation.domain.tickets import TicketChange
from remediation.ports import Tracker
from remediation.store.cases.owners import Owners
from workers.calls import cause_of
from workers.jobs.boundary import never_raising
from workers.jobs.telling import note_answer, note_trouble
from workers.metrics import POLLS
from workers.resources import Desk

logger = structlog.get_logger()

MOST_PAGES = 20
"""Pages of changes that are read in one round; the cursor keeps the rest for the next."""


@never_raising
async def poll_trackers(desk: Desk) -> None:
    """Read every tracker's changes. A tracker that is away waits for the next round and does not delay the others."""
    await asyncio.gather(*(_traced(desk, tracker) for tracker in desk.trackers.values()))


async def _traced(desk: Desk, tracker: Tracker) -> None:
    with bound_contextvars(tracker=tracker.name), telemetry.span("poll_tracker", tracker=tracker.name):
        await _poll(desk, tracker)


async def _poll(desk: Desk, tracker: Tracker) -> None:
    if desk.clock() < await desk.systems.limited_until(tracker.name):
        POLLS.labels(tracker.name, "limited").inc()
        return
    await desk.sites.of([tracker.name])  # a change is noticed although no case is looked at
    former = await desk.places.former(tracker)
    for place in former:
        await _go_on_from_today(desk, tracker.name, place)
    for place in ("", *former):
        with bound_contextvars(**({"place": place} if place else {})):
            await _poll_list(desk, tracker, place)


async def _go_on_from_today(desk: Desk, tracker: str, place: str) -> None:
    """Begin the list of a new former place where the tracker's own list ended.

    Until now that list held the place's changes.
    """
    if await _cursor(desk, tracker, place) is None and (cursor := await _cursor(desk, tracker)):
        await desk.todo.mark_changes(tracker, (), cursor, desk.clock(), place)


async def _cursor(desk: Desk, tracker: str, place: str = "") -> str | None:
    """How far the list has been read, under the tracker's name or, before the first time, under a former name."""
    former = [name for name, now in desk.rulebook.former_names.items() if now == tracker]
    for name in (tracker, *reversed(former)):
        if cursor := await desk.todo.cursor(name, place):
            return cursor
    return None


async def _poll_list(desk: Desk, tracker: Tracker, place: str) -> None:
    """Read one list of the tracker. A list that is refused does not delay the others."""
    cursor = await _cursor(desk, tracker.name, place)
    try:
        for _ in range(MOST_PAGES):
            page = await tracker.changes(cursor, datetime.fromtimestamp(desk.clock(), tz=UTC), place)
            changes = await _with_cases(desk, tracker.name, page.changes)
            await desk.todo.mark_changes(tracker.name, changes, page.cursor, desk.clock(), place)
            cursor = page.cursor
            if not page.more:
                break
    except OutsideError as error:
        POLLS.labels(tracker.name, "failed").inc()
        logger.warning("poll_failed", error=type(error).__name__, reason=cause_of(error), status=error.status)
        if isinstance(error, TryLater):
            await note_trouble(desk, error)
    else:
        await note_answer(desk, tracker.name)
        POLLS.labels(tracker.name, "done").inc()


async def _with_cases(
    desk: Desk, tracker: str, changes: tuple[TicketChange, ...]
) -> list[tuple[TicketChange, CaseKey]]:
    """The changed tickets that are ours, with their cases.

    Those of districts that mappings.yaml does not name are included: the cursor moves on, and their cases wait.
    """
    keys = await Owners(desk.todo, desk.rulebook).of(tracker, changes)
    return [(change, key) for change, key in zip(changes, keys, strict=True) if key is not None]
