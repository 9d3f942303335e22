"""Round: read the feeds of incidents, and mark the cases of those that changed. A feed sends no webhooks."""

import asyncio
import time
from collections.abc import Sequence
from datetime import UTC, datetime

import structlog

from remediation import telemetry
from remediation.domain.errors import OutsideError, TryLater
from remediation.domain.incidents import Decided, Incident
from remediation.domain.walks import Ending, FeedWalk
from remediation.failpoints import failpoint
from remediation.log_context import LogContext
from remediation.outbound.backoff import delay
from remediation.ports import WalkedFeed
from remediation.sources.incident_feed.answers import system_of
from remediation.store.cases.todo import Mark
from remediation.store.incidents.feeds import FeedState, PageKept
from remediation.store.keys import FEED
from workers.calls import cause_of
from workers.jobs.boundary import never_raising
from workers.jobs.telling import note_answer, note_trouble
from workers.metrics import FEED_CHANGES, FEED_FLAWS, FEED_PAGES, KEPT, PUT_OFF, RETRIES, TORN, WAITS
from workers.resources import WorkerContext
from workers.selection import incident_cases

logger = structlog.get_logger()

SECONDS = 30.0
READ_FOR = 12.0
"""Seconds after which a round begins no further page of a feed: a round may take half a minute, a page some seconds."""

AT_ONCE = 16
"""How many feeds a round reads at once: half of the connections that all sources share (see sources.connections)."""

ASKED_FOR = 22.0
"""Seconds for which nobody else asks a feed while a worker waits for a page: longer than any call takes, after which a
worker that has died is known to wait no more."""

_UNTIL_IT_RESTS = 3_600.0
"""Seconds until a window is read again that could not be read whole."""

TAKEN_IN_PART_AFTER = 5
"""After how many times in a row, some minutes, a page is taken as it is that comes to its end and is not what it says.
The others are read then, and the walk does not count as whole."""


@never_raising
async def poll_feeds(context: WorkerContext) -> None:
    """Read on in every feed that is due. One that is away waits for a later round and does not delay the others.

    Of many feeds that all are slow, those for which this round has no time are read by a later one. Each round takes
    them in another order, so that none is always the last.
    """
    feeds, slots, until = [*context.feeds.values()], asyncio.Semaphore(AT_ONCE), time.monotonic() + READ_FOR
    context.chance.shuffle(feeds)
    await asyncio.gather(*(_traced(context, feed, slots, until) for feed in feeds))


async def _traced(context: WorkerContext, feed: WalkedFeed, slots: asyncio.Semaphore, until: float) -> None:
    has_waited = slots.locked()
    async with slots:
        if has_waited and time.monotonic() >= until:
            return
        with LogContext(feed=feed.name), telemetry.span("poll_feed", feed=feed.name):
            await _poll(context, feed, until)


async def _poll(context: WorkerContext, feed: WalkedFeed, until: float) -> None:
    """Read pages one after the other, until the walk ends or the round has taken long enough."""
    state = await _state(context, feed)
    if state is None:
        return
    walk, in_part = await _walk(context, feed, state), state.attempts >= TAKEN_IN_PART_AFTER
    while walk is not None:
        following = await _read_on(context, feed, walk, in_part=in_part)
        walk, in_part = following if time.monotonic() < until else None, False


async def _state(context: WorkerContext, feed: WalkedFeed) -> FeedState | None:
    """How far the feed was read, of the account that the file names now; None while another one may be asked."""
    state, accounts = await context.feed_states.state(feed.name), context.incidents.accounts_of(feed.name, feed.account)
    if state.account == accounts[0]:
        return state
    if not await context.feed_states.read_for(feed.name, accounts, ASKED_FOR, context.clock()):
        return None
    if state.account and state.account not in accounts:
        logger.warning("feed_account_changed")
    return await context.feed_states.state(feed.name)


async def _walk(context: WorkerContext, feed: WalkedFeed, state: FeedState) -> FeedWalk | None:
    """The walk to go on with, or to begin now; None where the feed is not due, or another worker has just begun."""
    now = context.clock()
    if now < max(state.wait_until, await context.systems.limited_until(system_of(feed.name))):
        return None
    if state.walk is not None:
        if state.attempts:
            RETRIES.labels(poll_feeds.__name__).inc()
        return state.walk
    moments = (datetime.fromtimestamp(at, UTC) if at else None for at in (state.polled_at, state.swept_at))
    walk = feed.timetable.due(datetime.fromtimestamp(now, UTC), *moments)
    if walk is None or not await context.feed_states.begin(feed.name, walk, now):
        return None
    failpoint("walk_begun")
    return walk


async def _read_on(
    context: WorkerContext, feed: WalkedFeed, walk: FeedWalk, *, in_part: bool = False
) -> FeedWalk | None:
    """Read the walk's next page, and keep it. Returns the walk that goes on; None for a later round."""
    if not await context.feed_states.take_page(feed.name, walk, ASKED_FOR, context.clock()):
        return None  # another worker asks for it
    failpoint("page_taken")
    try:
        page = await feed.page(walk, await _version(context, feed, walk), in_part=in_part)
    except OutsideError as error:
        await _put_off(context, feed, walk, error)
        return None
    failpoint("page_read")
    now = context.clock()
    changed = await context.incidents.changed(feed.name, page.incidents, now)
    following = walk.after(page.pages, is_torn=page.trouble is not None)
    wait_until = now + _UNTIL_IT_RESTS if isinstance(following, Ending) and following is not Ending.WHOLE else 0.0
    rows = context.incidents.rows_of(feed.name, changed)
    cases = await _cases(context, feed, [each.incident for each in changed])
    version = context.cursors.sealed(_row(feed, walk), page.version) if page.version else ""
    torn = f"page {walk.page}: {page.trouble}" if page.trouble is not None else ""
    kept = PageKept(rows, cases, version, wait_until, torn)
    if not await context.feed_states.keep_page(feed.name, walk, following, kept, now):
        return None  # another worker reads this feed
    failpoint("page_kept")
    await note_answer(context, system_of(feed.name))
    FEED_PAGES.labels(feed.name, TORN if page.trouble else KEPT).inc()
    if page.trouble is not None:
        logger.warning("feed_page_torn", kind=walk.kind.value, count=walk.page, reason=cause_of(page.trouble))
    FEED_CHANGES.labels(feed.name).inc(len(changed))
    for flaw, count in page.flaws.items():
        FEED_FLAWS.labels(feed.name, flaw.value).inc(count)
    if isinstance(following, FeedWalk):
        return following
    event = "feed_read" if following is Ending.WHOLE else "feed_never_whole"
    logger.info(event, kind=walk.kind.value, count=walk.page, outcome=following.value)
    return None


async def _version(context: WorkerContext, feed: WalkedFeed, walk: FeedWalk) -> str:
    """The version of the page that is known; empty where there is none, or it cannot be opened: all of it is read."""
    stored = await context.feed_states.version(feed.name, walk.page)
    return context.cursors.opened(_row(feed, walk), stored).cursor or ""


def _row(feed: WalkedFeed, walk: FeedWalk) -> str:
    return f"{FEED}{feed.name}/version/{walk.page}"


async def _cases(context: WorkerContext, feed: WalkedFeed, changed: Sequence[Incident]) -> list[Mark]:
    """The cases to look at: of incidents that a rule takes, and of those that have a case already.

    Until the store has seen the whole school year it may have lost cases. So those of incidents that were deleted
    meanwhile are looked at as well: a ticket that is found by its mark is closed.
    """
    if not changed:
        return []
    decided = [Decided(incident) for incident in changed]
    cases = incident_cases(context.rulebook, feed.district, feed.timetable.zone, decided, context.clock())
    known = await context.incidents.with_case([case.ref for case in cases])
    may_be_lost = not await context.incidents.is_swept(feed.name)
    return [case.mark for case in cases if case.is_wanted or case.ref in known or (may_be_lost and case.is_taken)]


async def _put_off(context: WorkerContext, feed: WalkedFeed, walk: FeedWalk, error: OutsideError) -> None:
    """Ask for the same page again, later each time: what a feed refuses may be mended there, or in mappings.yaml."""
    state = await context.feed_states.state(feed.name)
    asked = error.after if isinstance(error, TryLater) else None
    wait = delay(state.attempts, asked, context.chance)
    await context.feed_states.put_off(feed.name, walk, context.clock() + wait, str(error))
    failpoint("page_put_off")
    FEED_PAGES.labels(feed.name, PUT_OFF).inc()
    logger.warning(
        "feed_not_read", error=type(error).__name__, reason=cause_of(error), status=error.status, seconds=wait
    )
    if isinstance(error, TryLater):
        WAITS.labels(error.system, error.waiting).inc()
        await note_trouble(context, error)
