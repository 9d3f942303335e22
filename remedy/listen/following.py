"""Follows deliveries and cases in Redis: asks what is new, seldom on a quiet night, and never for all that there is."""

from collections import OrderedDict, deque
from collections.abc import AsyncIterator, Callable

from remediation.domain.cases.records import CaseKey, key_of_ref
from remediation.domain.errors import StoreUnavailable
from remediation.read_model.live_events import LiveEvent, LiveFilter, delivery_event, refused_events
from remediation.read_model.wording import count_words
from remediation.store.cases.lists import CaseFilter, CaseLists, ListCursor, ListedCase
from remediation.store.cases.timeline import Timeline, place_of
from remediation.store.deliveries.heard import RENEW_SECONDS, HeardDeliveries
from remediation.store.deliveries.refused import RefusalKind, RefusedLog
from remediation.store.processes import Process, Processes
from remediation.store.server.connection import Connection
from remedy.listen.case_news import CaseNews

SHORTEST_PAUSE = 0.25
LONGEST_PAUSE = 2.0
_GROWTH = 1.3
"""Seconds between two looks: soon again while something happens, and each two seconds on a quiet night."""

_REFUSED_SECONDS = 5.0
"""How often refusals are asked for: receivers write them that often."""

_PROCESSES_SECONDS = 10.0
_AGAIN_SECONDS = 1.0
"""For how long after its change a case is read again."""

_SLACK_MS = 500
"""By so much the clocks of workers may differ."""

_PAGE = 200
_PAGES = 5
"""Cases that one look goes through: more than that cannot be read by anybody while they scroll by."""

_STORIES = 20_000


class LiveFollower:
    """What is new, each time it is asked. `steady` is a monotonic clock in seconds."""

    def __init__(
        self, connection: Connection, wanted: LiveFilter, steady: Callable[[], float], key: CaseKey | None = None
    ) -> None:
        self._connection = connection
        self._wanted = wanted
        self._steady = steady
        self._deliveries = HeardDeliveries(connection)
        self._refused = RefusedLog(connection)
        self._cases = FollowedCases(connection, wanted, steady, key)
        self._place = ""
        self._counted: dict[tuple[RefusalKind, str], int] = {}
        self._due: dict[str, float] = {}
        self._events: list[LiveEvent] = []
        self._running = ""
        self.pause = SHORTEST_PAUSE

    async def begin(self) -> None:
        """From now on. Raises StoreUnavailable."""
        await self._deliveries.listen()
        self._place = await self._deliveries.now()
        await self._cases.begin()
        list(refused_events(self._counted, await self._refused.listed()))

    async def news(self, now: float) -> tuple[list[str], list[LiveEvent]]:
        """What to say of the processes, and what happened since the last call, oldest first.

        Raises StoreUnavailable. What was found out until then, the next call has.
        """
        try:
            await self._ask()
            said = await self._processes(now)
        except StoreUnavailable:
            self._due.clear()  # nobody knows what of it was done
            raise
        events, self._events = self._events, []
        self.pause = SHORTEST_PAUSE if events else min(LONGEST_PAUSE, self.pause * _GROWTH)
        if self._cases.left_out:
            said.append(f"more than {_PAGE * _PAGES:,} cases changed at once: some are left out (--district, --case)")
        return said, sorted(events, key=lambda event: event.at)

    async def _ask(self) -> None:
        """Ask for each kind of news, and keep it at once: it is not told a second time."""
        if self._is_due("listen", RENEW_SECONDS):
            await self._deliveries.listen()
        self._events += await self._heard()
        self._events += await self._refusals()
        async for event in self._cases.news():
            self._events.append(event)

    async def _heard(self) -> list[LiveEvent]:
        heard = await self._deliveries.since(self._place)
        self._place = heard[-1].place if heard else self._place
        return [delivery_event(each) for each in heard if self._wanted.takes_delivery(each.path)]

    async def _refusals(self) -> list[LiveEvent]:
        if not self._is_due("refused", _REFUSED_SECONDS):
            return []
        fresh = list(refused_events(self._counted, await self._refused.listed()))
        return [each for each in fresh if self._wanted.takes_delivery(str(each.more["account"]))]

    async def _processes(self, now: float) -> list[str]:
        """What runs, said at the beginning and whenever it is another thing."""
        if not self._is_due("processes", _PROCESSES_SECONDS):
            return []
        words = running_words(await Processes(self._connection).running(now))
        said = [] if words == self._running else [words]
        self._running = words
        return said

    def _is_due(self, what: str, seconds: float) -> bool:
        now = self._steady()
        if now < self._due.get(what, 0.0):
            return False
        self._due[what] = now + seconds
        return True


def running_words(running: list[Process]) -> str:
    """Which processes run, and what cannot happen without those that do not."""
    receivers, workers = (sum(each.role == role for each in running) for role in ("receiver", "worker"))
    said = [
        count_words(receivers, "receiver") if receivers else "no receiver (nothing can come in)",
        count_words(workers, "worker") if workers else "no worker (nothing is done)",
    ]
    return f"Connected: {', '.join(said)}." if receivers or workers else f"Nothing is connected: {', '.join(said)}."


class FollowedCases:
    """What is told of cases, of all that are wanted, or of one (`key`)."""

    def __init__(
        self, connection: Connection, wanted: LiveFilter, steady: Callable[[], float], key: CaseKey | None
    ) -> None:
        self._steady = steady
        self._lists = CaseLists(connection)
        self._timeline = Timeline(connection)
        self._filter = CaseFilter(district=wanted.district or None)
        self._wanted = wanted
        self._key = key
        self._told_of: OrderedDict[str, CaseNews] = OrderedDict()
        self._floor = ""
        self._latest: deque[tuple[float, int]] = deque()
        self.left_out = False

    async def begin(self) -> None:
        """From now on."""
        self._floor = await self._timeline.now()
        self._latest.append((self._steady(), place_of(self._floor)[0]))

    async def news(self) -> AsyncIterator[LiveEvent]:
        """What was told since the last call. Raises StoreUnavailable: the next call has what this one had not."""
        if self._key:
            for event in await self._told(self._key):
                yield event
            return
        self.left_out = False
        latest = self._steady(), max(await self._lists.latest_change_ms(), self._latest[-1][1])
        for key in await self._changed(*latest):
            for event in await self._told(key):
                yield event
        self._latest.append(latest)

    async def _changed(self, now: float, latest: int) -> list[CaseKey]:
        """The cases that changed within the last second or so, oldest change first.

        A case is read again for that long, as what is told of a change may come after it.
        """
        while len(self._latest) > 1 and self._latest[1][0] <= now - _AGAIN_SECONDS:
            self._latest.popleft()
        before = self._latest[0][1]
        if latest <= before:
            return []
        keys = [key_of_ref(each.ref) async for each in self._newest(before - _SLACK_MS)]
        return [key for key in reversed(keys) if key is not None]

    async def _newest(self, horizon: int) -> AsyncIterator[ListedCase]:
        """Those that changed at this time (ms) or later, newest change first."""
        after: ListCursor | None = None
        for _ in range(_PAGES):
            page = await self._lists.page(self._filter, _PAGE, after)
            for each in page.cases:
                if each.cursor.at < horizon:
                    return
                yield each
            after = page.cursor
            if after is None:
                return
        self.left_out = True

    async def _told(self, key: CaseKey) -> list[LiveEvent]:
        news = self._told_of.get(key.ref) or CaseNews(self._timeline, key, self._floor)
        events = await news.latest(self._wanted)
        self._told_of[key.ref] = news
        self._told_of.move_to_end(key.ref)
        self._forget_some()
        return events

    def _forget_some(self) -> None:
        """Remember the cases that were told of last. Of one that is forgotten, nothing is told twice."""
        while len(self._told_of) > _STORIES:
            _, forgotten = self._told_of.popitem(last=False)
            self._floor = max(self._floor, forgotten.place, key=place_of)
