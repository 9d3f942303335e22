"""Round: once a day, delete what is kept of incidents that left the school year, or were deleted, long enough ago.

What is kept longer is sealed with the first data key by then.
"""

from datetime import UTC, datetime

import structlog

from remediation.domain.incidents import Kept
from remediation.domain.walks import Timetable
from remediation.store.incidents.retention import ForgetStep
from workers.jobs.boundary import never_raising
from workers.metrics import FORGOTTEN
from workers.resources import WorkerContext

logger = structlog.get_logger()

FORGET_SECONDS = 60.0
"""Seconds between two rounds that look through a part of the rows."""

_STEPS = 20
"""Steps in one round for each feed: about 4,000 rows. The 50,000 of a school year take a quarter of an hour."""

_PASS_SECONDS = 86_400.0
"""Seconds between two passes through all rows of a feed."""


@never_raising
async def forget_incidents(context: WorkerContext) -> None:
    """Go on through the rows of each feed whose last pass is a day old."""
    now = context.clock()
    named = await context.incident_retention.name(
        {name: feed.timetable.every for name, feed in context.feeds.items()}, now
    )
    for feed, last_named in named.items():
        is_left = feed not in context.feeds and last_named + context.keeps_incidents.total_seconds() < now
        others = [each for each in named if each != feed and _district(each) == _district(feed)]
        await _pass(context, feed, others, is_left=is_left)


async def _pass(context: WorkerContext, feed: str, others: list[str], *, is_left: bool) -> None:
    """Some steps through the rows of a feed; all its rows go where mappings.yaml has not named it for long enough."""
    now = context.clock()
    last = await context.incident_retention.last_pass(feed)
    if last is not None and now - last < _PASS_SECONDS:
        return
    deleted = 0
    for _ in range(_STEPS):
        step = await _step(context, feed, others, now, is_left=is_left)
        deleted += step.deleted
        if step.is_last:
            break
    FORGOTTEN.labels(feed).inc(deleted)
    if deleted:
        logger.info("incidents_deleted", feed=feed, count=deleted)


async def _step(context: WorkerContext, feed: str, others: list[str], now: float, *, is_left: bool) -> ForgetStep:
    if is_left:
        return await context.incident_retention.forget_feed(feed, others, now)
    if feed not in context.feeds:
        return await context.incident_retention.step(feed, others, lambda _: False, now)
    timetable, at = context.feeds[feed].timetable, datetime.fromtimestamp(now, UTC)
    return await context.incident_retention.step(feed, others, lambda kept: _is_over(kept, timetable, context, at), now)


def _is_over(kept: Kept, timetable: Timetable, context: WorkerContext, at: datetime) -> bool:
    ends = timetable.ends(kept, context.keeps_incidents)
    return ends is not None and ends < at


def _district(feed: str) -> str:
    return feed.partition("/")[0]
