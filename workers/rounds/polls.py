"""Round: ask each tracker which tickets changed, and mark their cases. Needs no webhook."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime

import structlog

from remediation import telemetry
from remediation.domain.cases.records import CaseKey
from remediation.domain.errors import BudgetSpent, OutsideError, TryLater
from remediation.domain.ownership import SiteHistory
from remediation.domain.tickets import ChangePage, TicketChange
from remediation.log_context import LogContext
from remediation.ports import Tracker
from remediation.store.cases.links import Owners
from remediation.store.cases.todo import list_name
from remediation.store.cursors import Reached
from remediation.store.keys import CURSOR
from workers.calls import cause_of
from workers.jobs.boundary import never_raising
from workers.jobs.telling import note_answer, note_trouble
from workers.metering import metered_poll
from workers.metrics import POLLS
from workers.resources import WorkerContext

logger = structlog.get_logger()

_LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)
"""Before any ticket of ours."""

MOST_PAGES = 20
"""Pages of changes that are read in one round; the cursor keeps the rest for the next."""


@never_raising
async def poll_trackers(context: WorkerContext) -> None:
    """Read every tracker's changes. A tracker that is away waits for the next round and does not delay the others."""
    await asyncio.gather(*(_traced(context, tracker) for tracker in context.trackers.values()))


async def _traced(context: WorkerContext, tracker: Tracker) -> None:
    with LogContext(tracker=tracker.name), telemetry.span("poll_tracker", tracker=tracker.name):
        await _poll(context, tracker)


async def _poll(context: WorkerContext, tracker: Tracker) -> None:
    if context.clock() < await context.systems.limited_until(tracker.name):
        POLLS.labels(tracker.name, "limited").inc()
        return
    async with metered_poll(context.tracker_limits, tracker.name) as may_read:
        if may_read:
            await _poll_every_list(context, tracker)
        else:
            POLLS.labels(tracker.name, "limited").inc()


async def _poll_every_list(context: WorkerContext, tracker: Tracker) -> None:
    """Read its own list, and those of former places."""
    sites = await context.sites.of([tracker.name])  # so a change is noticed although no case is looked at
    site, former = _moved_to(sites.get(tracker.name)), await context.places.former(tracker)
    for place in former:
        await _go_on_from_today(context, tracker, place, site)
    for place in ("", *former):
        with LogContext(**({"place": place} if place else {})):
            await _poll_list(context, tracker, place, site)


def _moved_to(history: SiteHistory | None) -> str:
    """What tells the lists of a site from those of other sites that the tracker was; empty where it never was another.

    So each site's list goes on where it stood when the tracker is that site again.
    """
    return f"@{history.site.key}" if history and history.before else ""


async def _go_on_from_today(context: WorkerContext, tracker: Tracker, place: str, site: str) -> None:
    """Begin the list of a new former place where the tracker's own list ended.

    Until now that list held the place's changes.
    """
    if await _reached(context, tracker.name, place, site) is not None:
        return
    if own := await _reached(context, tracker.name, "", site):
        await _keep(context, tracker, f"{place}{site}", ChangePage((), _going_on(tracker, own), since=own.since), [])


async def _reached(context: WorkerContext, tracker: str, place: str, site: str) -> Reached | None:
    """How far the list has been read, under the tracker's name or, before the first time, under a former name.

    The list of another site than the first goes on where that of the first ended.
    """
    former = [name for name, now in context.rulebook.former_names.items() if now == tracker]
    for each in dict.fromkeys((f"{place}{site}", place)):
        for name in (tracker, *reversed(former)):
            if stored := await context.todo.cursor(name, each):
                return context.cursors.opened(CURSOR + list_name(name, each), stored)
    return None


def _going_on(tracker: Tracker, reached: Reached) -> str:
    """The cursor; where it cannot be opened, one that misses no change: versions that we know mark nothing."""
    return reached.cursor or tracker.cursor_at(reached.since or _LONG_AGO)


async def _keep(
    context: WorkerContext,
    tracker: Tracker,
    place: str,
    page: ChangePage,
    changes: Sequence[tuple[TicketChange, CaseKey]],
) -> None:
    """Mark the cases of a page, together with its cursor."""
    stored = context.cursors.sealed(CURSOR + list_name(tracker.name, place), page.cursor, page.since)
    await context.todo.mark_changes(tracker.name, changes, stored, context.clock(), place)


async def _poll_list(context: WorkerContext, tracker: Tracker, place: str, site: str) -> None:
    """Read one list of the tracker. A list that is refused does not delay the others."""
    reached = await _reached(context, tracker.name, place, site)
    cursor = _going_on(tracker, reached) if reached else None
    try:
        for _ in range(MOST_PAGES):
            page = await tracker.changes(cursor, datetime.fromtimestamp(context.clock(), tz=UTC), place)
            changes = await _with_cases(context, tracker.name, page.changes)
            await _keep(context, tracker, f"{place}{site}", page, changes)
            cursor = page.cursor
            if not page.more:
                break
    except BudgetSpent:
        POLLS.labels(tracker.name, "limited").inc()
    except OutsideError as error:
        POLLS.labels(tracker.name, "failed").inc()
        logger.warning("poll_failed", error=type(error).__name__, reason=cause_of(error), status=error.status)
        if isinstance(error, TryLater):
            await note_trouble(context, error)
    else:
        await note_answer(context, tracker.name)
        POLLS.labels(tracker.name, "done").inc()


async def _with_cases(
    context: WorkerContext, tracker: str, changes: tuple[TicketChange, ...]
) -> list[tuple[TicketChange, CaseKey]]:
    """The changed tickets that are ours, with their cases.

    Cases of districts that mappings.yaml does not name are included: the cursor moves on, and these cases wait.
    """
    keys = await Owners(context.todo, context.rulebook).of(tracker, changes)
    return [(change, key) for change, key in zip(changes, keys, strict=True) if key is not None]
