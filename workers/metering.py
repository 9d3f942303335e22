"""Trackers within their rate limits: the meter of a look, or of a poll, over the budgets that all workers share.

Where a tracker has told no limit, and refused nothing, a request costs no round trip to Redis. Otherwise a look costs
two: it reserves what looks need, and gives back what it did not send.
"""

import asyncio
import secrets
import time
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Callable, Iterable
from concurrent.futures import CancelledError
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

from remediation.domain.errors import BudgetSpent, StoreUnavailable, TryLater, Waiting
from remediation.outbound.metering import LimitReader, SaidLimit, SentRequest, metered_by
from remediation.store.budgets.learned import NoRoom
from remediation.store.budgets.trackers import SentRequests, TrackerBudgets

KNOWN_SECONDS = 1.0
"""Seconds after which a worker asks again which limits other workers were told."""

_COMMAND = "command"
"""For what a command's requests are reserved in place of a case: no row has this name, so it is never critical."""

_ASK_SECONDS = 10.0
"""Seconds that a thread waits for leave to send: longer than Redis is waited for."""


class TrackerLimits:
    """Which limits trackers have told to any worker, as this process knows it. `clock` returns Unix seconds."""

    def __init__(
        self, budgets: TrackerBudgets, clock: Callable[[], float], steady: Callable[[], float] = time.monotonic
    ) -> None:
        self.budgets = budgets
        self.clock = clock
        self._steady = steady
        self._asked_at = -KNOWN_SECONDS
        self._known: dict[str, frozenset[str]] = {}

    def known(self, tracker: str) -> frozenset[str]:
        """The limits of this tracker. Any thread may ask."""
        return self._known.get(tracker, frozenset())

    def learn(self, tracker: str, scope: str) -> bool:
        """Note a limit that was told. Returns whether it is new."""
        known = self.known(tracker)
        self._known[tracker] = known | {scope}
        return scope not in known

    async def refresh(self) -> None:
        """Ask what others were told, if that was some time ago. Raises StoreUnavailable."""
        if self._steady() - self._asked_at < KNOWN_SECONDS:
            return
        self._asked_at = self._steady()
        found: dict[str, set[str]] = defaultdict(set)
        for name in await self.budgets.names():
            tracker, _, scope = name.partition("/")
            found[tracker].add(scope)
        self._known = {tracker: frozenset(scopes) for tracker, scopes in found.items()}


@dataclass(slots=True)
class _Reserved:
    """Requests that are reserved under one name, and how many of them were sent."""

    name: str
    count: int
    sent: int = 0


class WorkMeter:
    """The requests of one piece of work to all trackers. Implements remediation.outbound.metering.Meter.

    It belongs to the loop in which it was made, and is closed there. `most` limits its requests to any one tracker.
    `patient` work never uses what is kept for urgent work, not even once it has begun.
    """

    def __init__(
        self,
        limits: TrackerLimits,
        ref: str,
        *,
        urgent: bool = False,
        patient: bool = False,
        polls: bool = False,
        most: int | None = None,
    ) -> None:
        self._limits = limits
        self._ref = ref
        self._urgent = urgent
        self._patient = patient
        self._polls = polls
        self._most = most
        self._loop = asyncio.get_running_loop()
        self._lock = asyncio.Lock()
        self._token = secrets.token_hex(6)
        self._numbers = 0
        self._is_closed = False
        self._begun: set[str] = set()
        self._sent: Counter[str] = Counter()
        self._reserved: defaultdict[str, list[_Reserved]] = defaultdict(list)
        self._free: set[str] = set()
        self._uncounted: Counter[str] = Counter()
        self._said: dict[str, tuple[SaidLimit, float]] = {}
        self._settling: set[asyncio.Task[None]] = set()

    def ask(self, tracker: str, request: SentRequest, reader: LimitReader) -> tuple[str, ...]:
        """See Meter. Called in a tracker's thread."""
        known = self._limits.known(tracker)
        scopes = reader.scopes(request, known) if known else ()
        if not scopes:
            return ()
        try:
            return asyncio.run_coroutine_threadsafe(self._ask(tracker, scopes), self._loop).result(_ASK_SECONDS)
        except (RuntimeError, TimeoutError, CancelledError):  # the loop has ended, or Redis hangs
            words = "nobody says whether the rate limit leaves room"
        raise TryLater(tracker, words, waiting=Waiting.OURS)

    def note(self, tracker: str, counted: tuple[str, ...], said: tuple[SaidLimit, ...]) -> None:
        """See Meter. Called in a tracker's thread."""
        with suppress(RuntimeError):  # the loop has ended
            self._loop.call_soon_threadsafe(self._noted, tracker, counted, said)

    async def close(self) -> None:
        """Give back what was not sent. What Redis does not take now counts as sent after a while."""
        async with self._lock:
            self._is_closed = True
        await asyncio.gather(*self._settling)
        await self._settle(self._ended([*self._reserved, *self._said]))

    async def _ask(self, tracker: str, scopes: tuple[str, ...]) -> tuple[str, ...]:
        async with self._lock:
            if self._is_closed:
                raise TryLater(tracker, "the work has ended", waiting=Waiting.OURS)
            if self._most is not None and self._sent[tracker] >= self._most:
                raise BudgetSpent(tracker, f"{tracker}/{scopes[0]}", after=0.0, behind=0.0)
            budgets = [f"{tracker}/{scope}" for scope in scopes]
            lacking = [each for each in budgets if each not in self._free and self._left(each) <= 0]
            if lacking:
                await self._reserve(tracker, lacking)
            self._sent[tracker] += 1
            return tuple(scope for scope in scopes if self._count(f"{tracker}/{scope}"))

    async def _reserve(self, tracker: str, budgets: list[str]) -> None:
        """Reserve requests. Of a look that has begun at this tracker, what it has read would be out of date later."""
        self._numbers += 1
        name, now = f"{self._token}-{self._numbers}", self._limits.clock()
        urgent = self._urgent or (tracker in self._begun and not self._patient)
        counts = await self._limits.budgets.reserve(budgets, self._ref, name, now, urgent=urgent)
        if isinstance(counts, NoRoom):
            raise BudgetSpent(tracker, counts.budget, after=counts.after, behind=counts.behind)
        for budget, count in zip(budgets, counts, strict=True):
            if count:
                self._reserved[budget].append(_Reserved(name, count))
            else:
                self._free.add(budget)

    def _left(self, budget: str) -> int:
        reserved = self._reserved.get(budget)
        return reserved[-1].count - reserved[-1].sent if reserved else 0

    def _count(self, budget: str) -> bool:
        """Count one request. Returns whether it counts: not where others have used the reservation up meanwhile."""
        if self._left(budget) > 0:
            self._reserved[budget][-1].sent += 1
            return True
        return budget in self._free

    def _noted(self, tracker: str, counted: tuple[str, ...], said: tuple[SaidLimit, ...]) -> None:
        self._begun.add(tracker)
        news = []
        for each in said:
            budget = f"{tracker}/{each.scope}"
            if each.scope not in counted:
                self._uncounted[budget] += 1
            self._said[budget] = each, self._limits.clock()
            if self._limits.learn(tracker, each.scope) or each.closed is not None:
                news.append(budget)
        answered = self._limits.clock()
        for scope in counted:
            if f"{tracker}/{scope}" in self._free:  # it was refused some time ago, and now it was not
                self._said.setdefault(f"{tracker}/{scope}", (SaidLimit(scope), answered))
        if news:
            task = asyncio.create_task(self._settle(self._ended(news)))
            self._settling.add(task)
            task.add_done_callback(self._settling.discard)

    def _ended(self, budgets: Iterable[str]) -> list[SentRequests]:
        """What is to be told of these budgets. Their reservations are over: the next request asks anew."""
        told = []
        for budget in dict.fromkeys((*budgets, *self._uncounted)):
            said, at = self._said.pop(budget, (None, 0.0))
            self._free.discard(budget)
            reserved = self._reserved.pop(budget, ())
            told += [SentRequests(budget, each.name, each.count, each.sent) for each in reserved]
            if said is not None or self._uncounted[budget]:
                told.append(SentRequests(budget, sent=self._uncounted[budget], said=said, at=at))
            del self._uncounted[budget]
        return told

    async def _settle(self, told: list[SentRequests]) -> None:
        """What Redis does not take is not missed: the next answer says the same."""
        if told:
            with suppress(StoreUnavailable):
                await self._limits.budgets.settle(told, self._limits.clock(), polled=self._polls)


@asynccontextmanager
async def metered_look(limits: TrackerLimits, ref: str) -> AsyncIterator[None]:
    """Keep what happens inside the block within the limits of trackers, for the case of this reference."""
    await limits.refresh()
    async with _metering(WorkMeter(limits, ref)):
        yield


@asynccontextmanager
async def metered_command(limits: TrackerLimits) -> AsyncIterator[None]:
    """The same for a person's command, which may ask for much: it leaves to all other work what is kept for such."""
    await limits.refresh()
    async with _metering(WorkMeter(limits, _COMMAND, patient=True)):
        yield


@asynccontextmanager
async def metered_poll(limits: TrackerLimits, tracker: str) -> AsyncIterator[bool]:
    """The same for reading a tracker's list of changes, which may take a share of its limit and no more.

    Yields whether it may be read now.
    """
    await limits.refresh()
    budgets = [f"{tracker}/{scope}" for scope in sorted(limits.known(tracker))]
    may_at, most = await limits.budgets.polls_at(budgets)
    if limits.clock() < may_at:
        yield False
        return
    meter = WorkMeter(limits, f"poll:{tracker}", urgent=True, polls=True, most=most)
    async with _metering(meter):
        yield True


@asynccontextmanager
async def _metering(meter: WorkMeter) -> AsyncIterator[None]:
    with metered_by(meter):
        try:
            yield
        finally:
            await asyncio.shield(meter.close())
