"""Everybody who works on one Redis has its clock, whatever the clocks of their machines say."""

import asyncio
import time

import pytest
from redis.asyncio import Redis
from redis.exceptions import NoPermissionError
from structlog.testing import capture_logs

from remediation.domain.errors import StoreUnavailable
from remediation.redis_address import RedisAddress
from remediation.store.server.clock import SharedClock
from remediation.store.server.connection import Connection, open_pool
from remedy.runtime import clock as keeping
from remedy.runtime.clock import keep, open_clock

HOUR = 3_600.0


class Steady:
    """A steady clock that a test moves."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


class ToldTime(Redis):
    """A Redis that says what the test says, and takes its time."""

    def __init__(self, steady: Steady) -> None:
        super().__init__()
        self.steady, self.says, self.takes = steady, 5_000_000.25, 0.0
        self.asked = asyncio.Event()

    async def time(self) -> tuple[int, int]:  # type: ignore[override] # redis-py says "awaitable or not"
        self.asked.set()
        self.steady.now += self.takes
        return int(self.says), round(self.says % 1 * 1_000_000)


@pytest.fixture
def steady() -> Steady:
    return Steady()


@pytest.fixture
def redis(steady: Steady) -> ToldTime:
    return ToldTime(steady)


@pytest.fixture
def clock(redis: ToldTime, steady: Steady) -> SharedClock:
    return SharedClock(Connection(redis), machine=lambda: 5_000_000.0 - HOUR, steady=steady)


@pytest.mark.parametrize("wrong", [-HOUR, -30.0, 0.0, 2.0, HOUR])
async def test_a_clock_goes_by_redis_and_not_by_its_machine(connection: Connection, wrong: float) -> None:
    clock = SharedClock(connection, machine=lambda: time.time() + wrong)
    assert clock() == pytest.approx(time.time() + wrong, abs=1)
    await clock.set()
    assert clock() == pytest.approx(time.time(), abs=1)


async def test_between_two_answers_a_clock_goes_on_steadily(clock: SharedClock, steady: Steady) -> None:
    await clock.set()
    steady.now += 7.5
    assert clock() == pytest.approx(5_000_007.75)


async def test_redis_is_taken_to_have_answered_half_way(clock: SharedClock, redis: ToldTime) -> None:
    redis.takes = 0.2
    await clock.set()
    assert clock() == pytest.approx(5_000_000.35)


async def test_an_answer_moves_only_a_clock_that_it_proves_wrong(clock: SharedClock, redis: ToldTime) -> None:
    await clock.set()
    redis.takes = 4.0
    for said in (5_000_000.25, 5_000_004.25 + 3.9):
        redis.says = said
        before = clock()
        await clock.set()
        assert clock() == pytest.approx(before + 4.0)


async def test_a_first_answer_that_took_long_is_bettered_by_one_that_took_less(
    clock: SharedClock, redis: ToldTime, steady: Steady
) -> None:
    redis.takes = 20.0  # it was answered at the very end of that, so that the clock is now 10 s ahead
    await clock.set()
    redis.says, redis.takes = redis.says + 5.0, 0.3
    steady.now += 5.0
    await clock.set()
    assert clock() == pytest.approx(redis.says + 0.3)


@pytest.mark.parametrize("takes", [0.0, 0.3, 4.0])
@pytest.mark.parametrize("ahead", [HOUR, -HOUR])
async def test_a_redis_with_another_clock_is_followed(
    redis: ToldTime, clock: SharedClock, takes: float, ahead: float
) -> None:
    await clock.set()
    redis.says, redis.takes = redis.says + ahead, takes
    await clock.set()
    assert redis.says <= clock() <= redis.says + takes


class Refusing(ToldTime):
    """Does not let us ask what time it is, once."""

    refusals = 1

    async def time(self) -> tuple[int, int]:  # type: ignore[override] # as above
        if self.refusals:
            self.refusals -= 1
            raise NoPermissionError("test-only: this user may not ask")
        return await super().time()


async def test_a_clock_goes_on_asking_whatever_the_answer_was(steady: Steady, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeping, "KEEP_SECONDS", 0.0)
    redis = Refusing(steady)
    with capture_logs() as lines:
        async with open_clock(Connection(redis)) as clock:
            for _ in range(3):
                await asyncio.wait_for(redis.asked.wait(), 10)
                redis.asked.clear()
            await clock.set()
    said = {"event": "clock_not_set", "error": "StoreRefuses", "reason": "rights", "log_level": "warning"}
    assert lines[0] == said
    assert clock() == pytest.approx(5_000_000.25)


async def test_an_operator_is_told_whenever_the_machines_clock_turns_wrong(
    clock: SharedClock, redis: ToldTime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeping, "KEEP_SECONDS", 0.0)
    keeper = asyncio.create_task(keep(clock))
    with capture_logs() as lines:
        for wrong in (HOUR, 0.0, -HOUR):
            redis.says = 5_000_000.0 - HOUR + wrong
            for _ in range(5):
                redis.asked.clear()
                await asyncio.wait_for(redis.asked.wait(), 10)
    keeper.cancel()
    assert [(line["event"], line["seconds"]) for line in lines] == [("clock_differs", HOUR), ("clock_differs", -HOUR)]


async def test_while_redis_is_away_a_clock_goes_on_by_itself() -> None:
    pool = open_pool(RedisAddress.parse("redis://127.0.0.1:1"), socket_timeout=0.2, retries=0)
    clock = SharedClock(Connection(Redis(connection_pool=pool)))
    with pytest.raises(StoreUnavailable):
        await clock.set()
    assert clock() == pytest.approx(time.time(), abs=1)
    await pool.aclose()


async def test_a_clock_asks_again_and_again(redis: ToldTime, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeping, "KEEP_SECONDS", 0.01)
    async with open_clock(Connection(redis)) as clock:
        for _ in range(3):
            redis.says += HOUR
            for _ in range(2):  # the answer to the second question comes after that to the first was taken
                redis.asked.clear()
                await asyncio.wait_for(redis.asked.wait(), 10)
            assert clock() == pytest.approx(redis.says, abs=60)
