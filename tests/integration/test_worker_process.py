"""A worker as a whole: arq, both queues and the supervisor; Redis may go away, and a stop lets work end."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import pytest
from arq.worker import Worker
from structlog.testing import capture_logs
from structlog.typing import EventDict

from remediation.deliveries.events import SCHOOLSCAN
from remediation.domain.cases.records import CaseKey, CaseKind
from remediation.domain.errors import StoreUnavailable
from remediation.domain.tickets import Draft, Ticket
from remediation.queue import JOB_PREFIX, WORK_QUEUE, Job
from remediation.redis_address import RedisAddress
from remediation.sealing import Keyring
from remediation.store.cases.todo import LEASE_SECONDS
from remediation.store.deliveries.inbox import DeliveryState
from remediation.store.keys import DIRTY, LEASE, PENDING
from remediation.store.server.connection import Connection
from remedy.embedded.server import EmbeddedServer
from remedy.runtime.assembly import open_connection
from tests.integration.offices import KEY, Office
from tests.integration.receivers import event
from tests.stand_ins import MemoryTracker, RealClock
from workers import process, settings
from workers.jobs.boundary import never_raising
from workers.loops import LoopWorker
from workers.process import Supervisor
from workers.resources import WorkerContext
from workers.settings import upkeep_worker, work_worker


class Held(MemoryTracker):
    """A create waits until it is let through."""

    def __init__(self, clock: RealClock) -> None:
        super().__init__("jira", clock)
        self.begun, self.through = asyncio.Event(), asyncio.Event()

    async def create(self, draft: Draft) -> Ticket:
        self.begun.set()
        await self.through.wait()
        return await super().create(draft)


@pytest.fixture(autouse=True)
def logged() -> Iterator[list[EventDict]]:
    with capture_logs() as lines:
        yield lines


@pytest.fixture
def office(connection: Connection, keyring: Keyring) -> Office:
    return Office(connection, keyring, clock=RealClock())


@asynccontextmanager
async def working(office: Office) -> AsyncIterator[Supervisor]:
    """A worker process's loop, stopped at the end."""
    pool = office.redis.connection_pool
    work, upkeep = partial(work_worker, pool, office.contexts, 8), partial(upkeep_worker, pool, office.contexts, 1)
    supervisor = Supervisor({"work": work, "upkeep": upkeep})
    running = asyncio.create_task(supervisor.run())
    try:
        yield supervisor
    finally:
        if not supervisor.is_stopping:
            supervisor.stop()
        await asyncio.wait_for(running, 20)


async def until(what: Callable[[], Awaitable[bool]], seconds: float = 20.0) -> None:
    async with asyncio.timeout(seconds):
        while not await what():  # noqa: ASYNC110 - what is waited for lies in Redis
            await asyncio.sleep(0.05)


async def accept(office: Office, number: int = 1) -> Callable[[], Awaitable[bool]]:
    """A delivery comes in; answers whether it has been read and its case looked at."""
    delivery = f"d{number}"
    await office.context.inbox.accept(delivery, SCHOOLSCAN, "lakeside", event(number), time.time())

    async def is_done() -> bool:
        state = await office.context.inbox.state(delivery)
        return state is DeliveryState.DONE and await office.context.todo.dirty() == 0

    return is_done


async def test_a_delivery_becomes_tickets(office: Office, logged: list[EventDict]) -> None:
    async with working(office):
        await until(await accept(office))
    assert len(office.tickets()) == 2
    assert "swept" not in {line["event"] for line in logged}, "the queue was enough"
    assert await office.redis.keys("arq:result:*_*") == []
    assert [key async for key in office.redis.scan_iter(f"{JOB_PREFIX}look_at_case*")] == []


async def test_what_was_left_behind_is_taken_up_at_the_start(office: Office) -> None:
    await office.mark()
    await office.redis.delete(WORK_QUEUE)
    await office.redis.zadd(DIRTY, {KEY.ref: 0})
    async with working(office):
        await until(lambda: _is_clean(office), 5)
    assert len(office.tickets()) == 2


async def _is_clean(office: Office) -> bool:
    return await office.context.todo.dirty() == 0


async def test_the_rounds_wake_what_the_queue_forgot_and_notice_what_people_do(office: Office) -> None:
    async with working(office):
        await until(await accept(office))
        is_done = await accept(office, 2)
        await office.redis.delete(WORK_QUEUE)
        await office.redis.zadd(PENDING, {"d2": 0}, xx=True)
        await until(is_done)
        await until(lambda: _has_polled(office))


async def _has_polled(office: Office) -> bool:
    return await office.context.todo.cursor("jira") is not None


@pytest.mark.parametrize(
    "wire",
    [
        b"",
        b"\x80\x04N.",
        b'{"t":null,"f":"no_such_job","a":[],"k":{},"et":1}',
        b'{"t":"soon","f":"look_at_case","a":["x"],"k":{},"et":1}',
        b'{"t":null,"f":"look_at_case","a":["x"],"k":{},"et":99999999999999999999}',
        b'{"t":null,"f":"look_at_case","a":[],"k":{},"et":1}',
        b'{"t":null,"f":"look_at_case","a":[1,2,3],"k":{"ctx":1},"et":1}',
        b"[" * 5_000,
    ],
    ids=range(8),
)
async def test_a_job_that_is_none_of_ours_goes_away_and_does_no_harm(
    office: Office, logged: list[EventDict], wire: bytes
) -> None:
    await office.redis.set(f"{JOB_PREFIX}poison", wire)
    await office.redis.zadd(WORK_QUEUE, {"poison": 1})
    async with working(office):
        await until(await accept(office))
        await until(lambda: _is_gone(office, "poison"), 5)
    assert "worker_restarts" not in {line["event"] for line in logged}


async def _is_gone(office: Office, job: str) -> bool:
    return await office.redis.zscore(WORK_QUEUE, job) is None


@pytest.mark.parametrize("retries", [20, 0])
async def test_a_worker_outlives_a_redis_that_is_away_and_goes_on(
    tmp_path: Path, keyring: Keyring, logged: list[EventDict], retries: int
) -> None:
    """With retries the pool rides it out; without, arq ends its loop, and the supervisor starts it again."""
    folder = tmp_path / "redis"
    with EmbeddedServer(folder) as server:
        url = server.url
    async with open_connection(RedisAddress.parse(url), socket_timeout=5.0, retries=retries) as connection:
        office = Office(connection, keyring, clock=RealClock())
        with EmbeddedServer(folder):
            running = working(office)
            await running.__aenter__()
            await until(await accept(office))
        await asyncio.sleep(3.5)
        with EmbeddedServer(folder):
            is_done = await _accept_soon(office)
            await until(is_done)
            await running.__aexit__(None, None, None)
    restarts = sum(line["event"] == "worker_restarts" for line in logged)
    assert restarts == 0 if retries else restarts > 0


async def _accept_soon(office: Office) -> Callable[[], Awaitable[bool]]:
    office.source.findings["fnd_2"] = office.source.findings["fnd_1"]
    return await accept(office, 2)


async def test_a_stop_lets_running_work_end_and_takes_nothing_new(connection: Connection, keyring: Keyring) -> None:
    clock = RealClock()
    tracker = Held(clock)
    office = Office(connection, keyring, trackers={"jira": tracker}, clock=clock)
    async with working(office) as supervisor:
        await accept(office)
        await asyncio.wait_for(tracker.begun.wait(), 5)
        supervisor.stop()
        await office.context.inbox.accept("late", SCHOOLSCAN, "lakeside", event(2), time.time())
        await asyncio.sleep(0.2)
        tracker.through.set()
    assert len(tracker.of(KEY.mark)) == 1
    assert await office.context.todo.dirty() == 0
    assert await office.context.inbox.state("late") is DeliveryState.RECEIVED


async def test_work_that_takes_too_long_after_a_stop_is_let_go_and_left_to_others(
    connection: Connection, keyring: Keyring, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings, "COMPLETION_WAIT", 0.3)
    clock = RealClock()
    tracker = Held(clock)
    office = Office(connection, keyring, trackers={"jira": tracker}, clock=clock)
    async with working(office):  # which waits no longer than 20 s for its end
        await accept(office)
        await asyncio.wait_for(tracker.begun.wait(), 5)
    assert await office.redis.exists(LEASE + KEY.ref) == 0
    assert await office.context.todo.dirty() == 1
    assert "jira" in (await office.record()).intents
    due = await office.redis.zscore(DIRTY, KEY.ref)
    assert due is not None
    assert due / 1000 <= time.time() + LEASE_SECONDS


async def test_a_second_stop_waits_for_nothing_and_hands_back_what_is_in_hand(
    connection: Connection, keyring: Keyring
) -> None:
    clock = RealClock()
    tracker = Held(clock)
    office = Office(connection, keyring, trackers={"jira": tracker}, clock=clock)
    async with working(office) as supervisor:
        await accept(office)
        await asyncio.wait_for(tracker.begun.wait(), 5)
        began = time.monotonic()
        supervisor.stop()
        await asyncio.sleep(0.1)
        supervisor.stop()
        supervisor.stop()  # those that let go are not cut off by a third
    assert time.monotonic() - began < settings.COMPLETION_WAIT / 3
    assert await office.redis.exists(LEASE + KEY.ref) == 0
    assert await office.context.todo.dirty() == 1


async def test_a_stop_begins_none_of_the_jobs_whose_ids_were_read_already(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, stopped = [0], asyncio.Event()

    async def counted(_context: WorkerContext, *_args: object) -> None:
        begun[0] += 1
        if begun[0] == 20:
            supervisor.stop()
            stopped.set()
        await asyncio.sleep(0.001)

    monkeypatch.setattr(settings, "look_at_case", never_raising(counted))
    keys = [CaseKey("lakeside", CaseKind.FINDING, f"fnd_{number}") for number in range(400)]
    await office.context.todo.mark([(key, None) for key in keys], time.time())
    work = partial(work_worker, office.redis.connection_pool, office.contexts, 4)
    supervisor = Supervisor({"work": work})
    await asyncio.wait_for(supervisor.run(), 20)
    assert stopped.is_set()
    assert begun[0] <= 20 + 4


async def test_a_stop_does_not_wait_for_a_redis_that_hangs(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "RESTART_DELAY", 0.01)
    asked = asyncio.Event()

    async def hanging() -> bool:
        asked.set()
        await asyncio.sleep(60)
        return True

    async def prepare() -> None:
        raise StoreUnavailable("test-only: Redis is away")

    work = partial(work_worker, office.redis.connection_pool, office.contexts, 1, prepare)
    supervisor = Supervisor({"work": work}, hanging)
    running = asyncio.create_task(supervisor.run())
    await asyncio.wait_for(asked.wait(), 5)
    supervisor.stop()
    await asyncio.wait_for(running, 5)
    assert supervisor.ended() == []


async def test_jobs_that_cannot_let_go_are_left_after_a_while(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "COMPLETION_WAIT", 0.1)
    monkeypatch.setattr(process, "LETS_GO_WITHIN", 0.2)
    begun, through = asyncio.Event(), asyncio.Event()

    async def stubborn(_context: WorkerContext, *_args: object) -> None:
        begun.set()
        while not through.is_set():
            with contextlib.suppress(asyncio.CancelledError):
                await through.wait()

    monkeypatch.setattr(settings, "read_delivery", never_raising(stubborn))
    await accept(office)
    supervisor = Supervisor({"work": partial(work_worker, office.redis.connection_pool, office.contexts, 1)})
    running = asyncio.create_task(supervisor.run())
    await asyncio.wait_for(begun.wait(), 5)
    supervisor.stop()
    await asyncio.wait_for(running, 5)
    through.set()
    await asyncio.sleep(0.3)  # the job's own end


async def test_a_loop_that_cannot_be_kept_running_is_named_and_ends_the_process(office: Office) -> None:
    def broken() -> LoopWorker:
        raise LookupError("test-only")

    work = partial(work_worker, office.redis.connection_pool, office.contexts, 1)
    supervisor = Supervisor({"work": work, "upkeep": broken})
    with pytest.raises(LookupError):
        await asyncio.wait_for(supervisor.run(), 10)
    assert supervisor.ended() == ["upkeep"]
    assert supervisor.is_stopping


async def test_a_loop_that_stands_still_is_named(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "STANDS_STILL", 0.3)
    gate = asyncio.Event()

    async def held(_worker: LoopWorker) -> None:
        await gate.wait()

    async with working(office) as supervisor:
        await asyncio.sleep(0.2)
        assert supervisor.standing_still() == []
        monkeypatch.setattr(Worker, "_poll_iteration", held)
        await until(
            lambda: _is(supervisor.standing_still(), ["the work loop stands still", "the upkeep loop stands still"])
        )
        monkeypatch.undo()
        gate.set()


async def _is(seen: object, wanted: object) -> bool:
    return seen == wanted


async def test_a_stop_before_the_start_is_a_stop(office: Office) -> None:
    supervisor = Supervisor({"work": partial(work_worker, office.redis.connection_pool, office.contexts, 1)})
    supervisor.stop()
    await asyncio.wait_for(supervisor.run(), 5)


async def test_no_job_is_taken_before_the_clock_was_set(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "RESTART_DELAY", 0.01)
    is_done, done_before = await accept(office), list[bool]()

    async def prepare() -> None:
        done_before.append(await is_done())
        if len(done_before) < 3:
            raise StoreUnavailable("test-only: Redis is away")

    supervisor = Supervisor({"work": partial(work_worker, office.redis.connection_pool, office.contexts, 1, prepare)})
    running = asyncio.create_task(supervisor.run())
    await until(is_done)
    supervisor.stop()
    await asyncio.wait_for(running, 20)
    assert done_before == [False] * 3


async def test_jobs_that_take_too_long_are_ended_by_arq_and_wait_for_the_sweep(
    connection: Connection, keyring: Keyring, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings, "JOB_TIMEOUT", 1)  # the look comes as far as the create in it
    clock = RealClock()
    tracker = Held(clock)
    office = Office(connection, keyring, trackers={"jira": tracker}, clock=clock)
    async with working(office):
        await accept(office)
        await asyncio.wait_for(tracker.begun.wait(), 5)
        await until(lambda: _was_put_off(office), 5)
        tracker.through.set()
        assert Job.LOOK_AT_CASE not in await office.waiting()
    assert tracker.of(KEY.mark) == []


async def _was_put_off(office: Office) -> bool:
    return (await office.record()).attempts > 0


async def test_a_worker_that_ends_again_and_again_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where all questions to Redis are answered well: what it ends with is told until it has run for a while."""
    monkeypatch.setattr(process, "RESTART_DELAY", 0.05)
    monkeypatch.setattr(process, "SOUND_SECONDS", 0.3)
    works = asyncio.Event()

    class Ending:
        """An arq worker that ends at once, until it works."""

        def __init__(self) -> None:
            self.tasks: dict[str, asyncio.Task[None]] = {}

        async def async_run(self) -> None:
            if not works.is_set():
                raise TypeError("test-only")
            await asyncio.sleep(60)

    supervisor = Supervisor({"work": Ending})  # type: ignore[dict-item]  # as much of arq's as is used
    assert supervisor.restarting() == []
    running = asyncio.create_task(supervisor.run())
    await asyncio.sleep(0.2)
    for _ in range(5):
        assert supervisor.restarting() == ["the work loop ended with TypeError, and is begun anew"]
        await asyncio.sleep(0.03)
    works.set()
    await asyncio.sleep(0.6)
    assert supervisor.restarting() == []
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
