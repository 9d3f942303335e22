"""Budgets in Redis: never more than a limiter takes, nearly all of it, the most urgent work first."""

import asyncio
import heapq
import itertools
import math
import random
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from redis.asyncio import Redis

from remediation.domain.cases.records import CaseKey, CaseKind
from remediation.queue import WORK_QUEUE, Band
from remediation.redis_address import RedisAddress
from remediation.store.budgets.learned import BudgetFigures, Budgets, NoRoom, Spent, ToldLimit
from remediation.store.budgets.terms import FIRST_AT_ONCE, LAST_MS, RESERVED_MS
from remediation.store.cases.todo import Todo
from remediation.store.server.connection import Connection, open_pool
from tests.limiters import LIMITERS, WINDOW, Bucket, FixedWindow, SlidingLog

BUDGET = "schoolscan:lakeside/write"
NOW = 1_800_000_000.0
"""The beginning of a full minute."""

SHARES = {FixedWindow: 0.98, SlidingLog: 0.95, Bucket: 0.95}
"""The least that is used of a limit. Of a log and a bucket, answers do not tell what has come back since."""

Limiter = FixedWindow | SlidingLog | Bucket


@dataclass
class Traffic:
    """Work without end for one budget: a system with this limiter and a clock of its own, and its answers on their way.

    What is to happen is by its moment. Each request and each answer takes up to `slowest` seconds.
    """

    budgets: Budgets
    limiter: Limiter
    ahead: float
    slowest: float
    chance: random.Random
    now: float = NOW + 17.3
    refused: int = 0
    _due: list[tuple[float, int, Spent, ToldLimit | None, bool]] = field(default_factory=list)
    _numbers: Iterator[int] = field(default_factory=itertools.count)

    async def flow(self, seconds: float, others: int = 0) -> None:
        """Send what may be sent for so long. Others take so many requests a minute from the same limit."""
        end, ask_at, other_at = self.now + seconds, self.now, self.now
        while self.now < end:
            self.now = min(ask_at, self._due[0][0] if self._due else math.inf)
            if others and self.now >= other_at:
                self.limiter.take(self.now + self.ahead)
                other_at = self.now + WINDOW / others
            if self._due and self._due[0][0] <= self.now:
                await self._happen()
                ask_at = min(ask_at, self.now)
            elif isinstance(answer := await self._send(), NoRoom):
                ask_at = self.now + max(0.25, answer.after - LAST_MS / 1000)
            else:
                ask_at = self.now + 0.001

    async def _send(self) -> Spent | NoRoom:
        spent = await self.budgets.spend(BUDGET, f"lakeside:finding:{next(self._numbers)}", self.now)
        if isinstance(spent, Spent):
            self._after(spent, None)
        return spent

    async def _happen(self) -> None:
        _, _, spent, answer, passes = heapq.heappop(self._due)
        if answer is not None:
            await self.budgets.settle(spent, answer, self.now, None if passes else 1.0)
            return
        there = self.now + self.ahead
        passes, limit, remaining, reset = self.limiter.take(there)
        self.refused += not passes
        self._after(spent, ToldLimit(limit, remaining, reset, float(reset - math.floor(there))), passes=passes)

    def _after(self, spent: Spent, answer: ToldLimit | None, *, passes: bool = True) -> None:
        moment = self.now + self.chance.uniform(0.001, self.slowest)
        heapq.heappush(self._due, (moment, next(self._numbers), spent, answer, passes))


@pytest.fixture(scope="module")
def runner() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as opened:
        yield opened


@pytest.fixture(scope="module")
def store(redis_url: str, runner: asyncio.Runner) -> Iterator[Connection]:
    pool = open_pool(RedisAddress.parse(redis_url), socket_timeout=5.0, retries=1)

    async def opened() -> Connection:
        return Connection(Redis(connection_pool=pool))

    yield runner.run(opened())
    runner.run(pool.aclose())


@pytest.mark.parametrize("kind", LIMITERS)
@settings(max_examples=4, derandomize=True, suppress_health_check=list(HealthCheck))
@given(
    limit=st.sampled_from([20, 40]),
    ahead=st.floats(-40, 40),
    slowest=st.sampled_from([0.005, 0.05, 0.4]),
    seed=st.integers(0, 1000),
)
def test_no_limiter_refuses_anything_and_nearly_all_is_used(
    runner: asyncio.Runner, store: Connection, kind: type[Limiter], limit: int, ahead: float, slowest: float, seed: int
) -> None:
    async def play() -> Limiter:
        await store.redis.flushall()
        chance = random.Random(seed)  # noqa: S311 - a test's
        traffic = Traffic(Budgets(store), kind(limit), ahead, slowest, chance)
        await traffic.flow(WINDOW)
        before = traffic.limiter.passed
        await traffic.flow(4 * WINDOW)
        traffic.limiter.passed -= before
        return traffic.limiter

    limiter = runner.run(play())
    assert limiter.refused == 0
    assert limiter.passed >= SHARES[kind] * 4 * limit


@pytest.mark.parametrize("kind", LIMITERS)
def test_what_others_spend_is_left_to_them_and_hardly_anything_is_refused(
    runner: asyncio.Runner, store: Connection, kind: type[Limiter]
) -> None:
    async def play() -> Traffic:
        await store.redis.flushall()
        chance = random.Random(1)  # noqa: S311 - a test's
        traffic = Traffic(Budgets(store), kind(20), 0.0, 0.05, chance)
        await traffic.flow(4 * WINDOW, others=10)
        return traffic

    traffic = runner.run(play())
    assert traffic.refused <= 4  # in each window at the most the one request that asks whether others left anything
    assert traffic.limiter.passed >= 0.9 * 4 * 20


class Office:
    """A store and a clock; what is told of a fixed window of 60 that ends in `ends_in` seconds."""

    def __init__(self, connection: Connection) -> None:
        self.connection, self.budgets, self.todo = connection, Budgets(connection), Todo(connection)
        self.now = NOW

    async def spend(self, finding: str = "other", *, urgent: bool = False) -> Spent | NoRoom:
        return await self.budgets.spend(BUDGET, f"lakeside:finding:{finding}", self.now, urgent=urgent)

    async def told(self, remaining: int, ends_in: float = 30.0, closed: float | None = None) -> None:
        """One request more, and its answer."""
        spent = Spent(BUDGET, "told")
        reset = int(self.now + ends_in)
        answer = ToldLimit(60, remaining, reset, ends_in)
        await self.budgets.settle(spent, answer, self.now, closed)

    async def wait(self, finding: str, band: Band) -> None:
        """The case of this finding is put off, because there is no room."""
        key = CaseKey("lakeside", CaseKind.FINDING, finding)
        await self.todo.mark([(key, band)], self.now)
        lease = await self.todo.take(key.ref, self.now)
        assert lease is not None
        assert await self.todo.put_off(lease, self.now + 3600, self.now, budget=BUDGET)
        await self.connection.redis.delete(WORK_QUEUE)

    async def woken(self) -> list[str]:
        """The findings whose cases have a wake-up, the next one first."""
        jobs = await self.connection.redis.zrange(WORK_QUEUE, 0, -1)
        return [job.decode().split(":")[3] for job in jobs]


@pytest.fixture
def office(connection: Connection) -> Office:
    return Office(connection)


async def test_a_few_requests_ask_a_system_that_has_told_nothing(office: Office) -> None:
    answers = [await office.spend() for _ in range(FIRST_AT_ONCE + 1)]
    assert [isinstance(each, Spent) for each in answers] == [True] * FIRST_AT_ONCE + [False]


async def test_a_system_that_never_tells_a_limit_is_held_to_none(office: Office) -> None:
    spent = await office.spend()
    assert isinstance(spent, Spent)
    await office.budgets.settle(spent, ToldLimit(), office.now)
    assert all([isinstance(await office.spend(), Spent) for _ in range(100)])


async def test_a_share_is_kept_for_urgent_work_until_the_last_moments_of_the_window(office: Office) -> None:
    await office.told(remaining=3, ends_in=20.0)
    assert isinstance(await office.spend(), NoRoom)
    assert isinstance(await office.spend(urgent=True), Spent)
    office.now += 18.5
    assert [isinstance(await office.spend(), Spent) for _ in range(2)] == [True, False]  # others may have spent
    await office.told(remaining=3, ends_in=1.5)  # two of them are still under way
    assert [isinstance(await office.spend(), Spent) for _ in range(2)] == [True, False]


async def test_a_request_whose_worker_died_is_lost_for_a_moment_only(office: Office) -> None:
    await office.told(remaining=4, ends_in=60)
    assert isinstance(await office.spend(), Spent)
    assert isinstance(await office.spend(), NoRoom)
    office.now += RESERVED_MS / 1000 + 1
    assert isinstance(await office.spend(), Spent)


async def test_after_the_window_one_request_asks_how_much_there_is(office: Office) -> None:
    await office.told(remaining=0)
    no_room = await office.spend()
    assert isinstance(no_room, NoRoom)
    assert no_room.after == pytest.approx(30.0)
    office.now += 30.1
    assert [isinstance(await office.spend(), Spent) for _ in range(2)] == [True, False]
    office.now += 2.1  # nobody answered
    assert isinstance(await office.spend(), Spent)


async def test_while_one_request_asks_whether_others_left_anything_nobody_is_sent_off_for_long(office: Office) -> None:
    await office.told(remaining=40, ends_in=60.0)
    office.now += 10
    assert isinstance(await office.spend(), Spent)
    no_room = await office.spend(urgent=True)
    assert isinstance(no_room, NoRoom)
    assert no_room.after <= 2.0


async def test_nothing_is_sent_before_a_refusal_ends_urgent_or_not(office: Office) -> None:
    await office.told(remaining=10, ends_in=60, closed=7.0)
    no_room = await office.spend(urgent=True)
    assert isinstance(no_room, NoRoom)
    assert no_room.after == pytest.approx(7.0)
    office.now += 7.1
    assert isinstance(await office.spend(), Spent)


async def test_refusals_that_come_together_count_as_one_and_those_that_follow_each_other_close_for_longer(
    office: Office,
) -> None:
    for _ in range(3):
        await office.told(remaining=10, ends_in=60, closed=0.0)
    no_room = await office.spend()
    assert isinstance(no_room, NoRoom)
    assert no_room.after == pytest.approx(1.0)
    office.now += 1.1
    await office.told(remaining=10, ends_in=60, closed=0.0)
    no_room = await office.spend()
    assert isinstance(no_room, NoRoom)
    assert no_room.after == pytest.approx(2.0)


async def test_an_answer_that_comes_late_changes_nothing(office: Office) -> None:
    await office.told(remaining=10, ends_in=60)
    late = ToldLimit(60, 0, int(NOW), 5.0)
    await office.budgets.settle(Spent(BUDGET, "late"), late, office.now)
    await office.told(remaining=40, ends_in=60)  # of the same window: older than the one with less
    assert await office.budgets.figures(office.now) == [BudgetFigures("schoolscan:lakeside", "write", 60, 10, 0)]


async def test_waiting_cases_are_woken_worst_first_and_oldest_first_as_many_as_there_is_room_for(
    office: Office,
) -> None:
    await office.told(remaining=0)
    for name, band in (("low", Band.LOW), ("high1", Band.HIGH), ("medium", Band.MEDIUM), ("high2", Band.HIGH)):
        await office.wait(name, band)
        office.now += 1
    await office.wait("critical", Band.CRITICAL)
    office.now += 30
    assert await office.budgets.release(office.now) == 1  # it asks how much there is
    assert await office.woken() == ["critical"]
    await office.told(remaining=6)  # three of them are kept, and one is promised
    assert await office.woken() == ["critical", "high1", "high2"]


async def test_a_low_case_that_waited_for_days_goes_before_a_newer_medium_one(office: Office) -> None:
    await office.told(remaining=0)
    await office.wait("low", Band.LOW)
    office.now += 25 * 3600
    await office.wait("medium", Band.MEDIUM)
    await office.budgets.release(office.now)
    assert await office.woken() == ["low"]


async def test_a_case_that_was_woken_goes_before_equals_that_came_after_it_and_had_no_look_yet(office: Office) -> None:
    await office.told(remaining=0)
    await office.wait("patient", Band.LOW)
    office.now += 30
    news = [("new", Band.LOW), ("worse", Band.MEDIUM)]
    await office.todo.mark([(CaseKey("lakeside", CaseKind.FINDING, name), band) for name, band in news], office.now)
    office.now += 1
    await office.told(remaining=20)
    assert await office.woken() == ["worse", "patient", "new"], "otherwise its request would lie unused"


async def test_a_case_that_was_woken_has_its_request_whoever_asks_meanwhile(office: Office) -> None:
    await office.told(remaining=0)
    await office.wait("patient", Band.LOW)
    office.now += 30
    await office.told(remaining=4)
    assert await office.woken() == ["patient"]
    assert isinstance(await office.spend("quick"), NoRoom)
    assert isinstance(await office.spend("patient"), Spent)


async def test_a_case_that_is_looked_at_for_another_reason_waits_no_longer(office: Office) -> None:
    await office.told(remaining=0)
    await office.wait("one", Band.LOW)
    assert [each.waiting for each in await office.budgets.figures(office.now)] == [1]
    key = CaseKey("lakeside", CaseKind.FINDING, "one")
    await office.todo.mark([(key, Band.LOW)], office.now)
    assert await office.todo.take(key.ref, office.now) is not None
    assert [each.waiting for each in await office.budgets.figures(office.now)] == [0]


async def test_a_wiped_redis_learns_the_budget_from_the_next_answer(office: Office) -> None:
    await office.told(remaining=0)
    await office.connection.redis.flushall()
    assert isinstance(await office.spend(), Spent)
    await office.told(remaining=0)
    assert isinstance(await office.spend(), NoRoom)
