"""Known bugs, to be put into a process on purpose: what the suite must find, or it would find nothing else either.

Each replaces one function of ours by a wrong one. Only chaos.launch does that, and only tests ask for it.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from remediation import failpoints
from remediation.domain.actions import OpenTicket, SetStatus
from remediation.domain.errors import StoreUnavailable
from remediation.domain.tickets import Ticket, TicketState
from remediation.domain.walks import Ending, FeedWalk
from remediation.look.executing import Executor
from remediation.planning import Progress, rows
from remediation.planning.situation import Situation
from remediation.store.cases.links import LeasedLinks
from remediation.store.cases.todo import Todo
from remediation.store.deliveries.inbox import Inbox
from remediation.store.deliveries.parked import ParkedKind
from remediation.store.deliveries.readings import DeliveryNews, StoredDelivery
from remediation.store.incidents.feeds import Feeds, PageKept
from workers.jobs import deliveries
from workers.resources import WorkerContext


def link_before_create() -> None:
    """A ticket counts as linked, and its intent as done with, before the request that opens it has been sent."""
    opened = Executor._open  # noqa: SLF001 - the function that the bug is in
    intend = LeasedLinks.intend

    async def open_linked(self: Executor, action: OpenTicket, progress: Progress) -> Ticket:
        async def intend_and_link(links: LeasedLinks, tracker: str, now: float, place: str = "") -> None:
            await intend(links, tracker, now, place)
            never = {"jira": "999999", "servicenow": f"incident/{'f' * 32}"}[tracker]
            await links.link(Ticket(tracker, never, "?", "", TicketState.OPEN))

        LeasedLinks.intend = intend_and_link  # type: ignore[method-assign,assignment] # that is the bug
        return await opened(self, action, progress)

    Executor._open = open_linked  # type: ignore[method-assign] # noqa: SLF001 - that is the bug


def none_is_duplicate() -> None:
    """A store that could not be asked is taken for one that knows the delivery already: 202 without a row."""
    accept = Inbox.accept

    async def accept_anyway(self: Inbox, *args: Any, **options: Any) -> bool:
        try:
            return await accept(self, *args, **options)
        except StoreUnavailable:
            return False

    Inbox.accept = accept_anyway  # type: ignore[method-assign] # that is the bug


def no_intent() -> None:
    """What is about to be opened is not written down first."""

    async def forget(self: LeasedLinks, tracker: str, now: float, place: str = "") -> None:
        del tracker, now, place
        await self.hold()

    LeasedLinks.intend = forget  # type: ignore[method-assign] # that is the bug


UNMARKED = "cases_unmarked"
"""The failpoint in the bug `case_after_page`, where a page has cases and they are not marked yet."""


def case_after_page() -> None:
    """A page is kept and its walk moved on; only then are the cases of its incidents marked."""
    keep = Feeds.keep_page
    failpoints.POINTS = (*failpoints.POINTS, UNMARKED)

    async def keep_then_mark(
        self: Feeds, feed: str, walk: FeedWalk, following: FeedWalk | Ending, kept: PageKept, now: float
    ) -> bool:
        is_kept = await keep(self, feed, walk, following, replace(kept, cases=()), now)
        if is_kept and kept.cases:
            failpoints.failpoint(UNMARKED)
            await Todo(self._connection).mark(kept.cases, now)
        return is_kept

    Feeds.keep_page = keep_then_mark  # type: ignore[method-assign] # that is the bug


def unopened_is_done() -> None:
    """A delivery that no data key opens counts as read, instead of being parked."""

    async def drop(context: WorkerContext, kind: ParkedKind, delivery: StoredDelivery, error: Exception) -> None:
        del kind, error
        await context.inbox.readings.finish("", [DeliveryNews(delivery.id, "nothing")], context.clock())

    deliveries._set_aside = drop  # noqa: SLF001 - that is the bug


def closing_is_believed() -> None:
    """What people say they have mended is resolved at once, although the rule has a scan verify it."""

    def believed(action: SetStatus, case: Situation) -> bool:
        del action, case
        return False

    rows.is_to_be_verified = believed  # type: ignore[attr-defined] # that is the bug


BUGS: Mapping[str, Callable[[], None]] = {
    "link_before_create": link_before_create,
    "none_is_duplicate": none_is_duplicate,
    "no_intent": no_intent,
    "case_after_page": case_after_page,
    "unopened_is_done": unopened_is_done,
    "closing_is_believed": closing_is_believed,
}
"""By the names that a test uses."""
