"""Workers wait for work: whoever queues a job rings, and one worker hears it and takes what it has room for."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
from arq.worker import Worker

from remediation.domain.cases.records import CaseKey, CaseKind
from remediation.queue import BELL, IN_PROGRESS_PREFIX, WORK_QUEUE
from remediation.redis_address import RedisAddress, RedisSignIn
from remediation.sealing import Keyring
from remediation.store.server.connection import Connection
from remediation.store.work_queue import Claimed, ClaimedJob, WorkQueue
from remedy.runtime.assembly import open_connection
from tests.integration.offices import KEY, Office
from tests.stand_ins import RealClock
from workers import loops, settings
from workers.jobs.boundary import never_raising
from workers.jobs_redis import JobsRedis
from workers.process import Supervisor
from workers.resources import WorkerContext
from workers.settings import work_worker

SOON = 3.0
"""Seconds: much less than LONG, and more than a busy machine needs."""

LONG = 30.0
LATER_MS = 4_000_000_000_000


@pytest.fixture
def office(connection: Connection, keyring: Keyring) -> Office:
    return Office(connection, keyring, clock=RealClock())


@pytest.fixture
def queue(connection: Connection) -> WorkQueue:
    return WorkQueue(connection)


@pytest.fixture
def _only_called(monkeypatch: pytest.MonkeyPatch) -> None:
    """Workers do not look by themselves."""
    monkeypatch.setattr(loops, "LOOKS_EVERY", LONG)


@pytest.fixture
def looked_at(monkeypatch: pytest.MonkeyPatch) -> "asyncio.Queue[str]":
    """The cases that are looked at, by a job that does nothing else."""
    seen: asyncio.Queue[str] = asyncio.Queue()

    async def noted(_context: WorkerContext, ref: str) -> None:
        await seen.put(ref)

    monkeypatch.setattr(settings, "look_at_case", never_raising(noted))
    return seen


@asynccontextmanager
async def working(office: Office, max_jobs: int = 4) -> AsyncIterator[Supervisor]:
    """A worker that has found nothing to do, and is stopped at the end."""
    supervisor = Supervisor({"work": partial(work_worker, office.redis.connection_pool, office.contexts, max_jobs)})
    running = asyncio.create_task(supervisor.run())
    try:
        await until(partial(waits_on, office))
        yield supervisor
    finally:
        supervisor.stop()
        await asyncio.wait_for(running, SOON)


async def waits_on(office: Office) -> bool:
    clients = await office.redis.client_list()
    return any(each["cmd"] == "bzpopmin" and "b" in each["flags"] for each in clients)


async def until(what: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(10):
        while not await what():  # noqa: ASYNC110 - what is waited for lies in Redis
            await asyncio.sleep(0.01)


@pytest.mark.usefixtures("_only_called")
async def test_a_worker_that_waits_is_called_and_stops_at_once(office: Office, looked_at: "asyncio.Queue[str]") -> None:
    async with working(office):
        for _ in range(3):
            await office.mark()
            assert await asyncio.wait_for(looked_at.get(), SOON) == KEY.ref
            await until(partial(waits_on, office))
        began = time.monotonic()
    assert time.monotonic() - began < SOON


@pytest.mark.usefixtures("_only_called")
async def test_a_worker_hears_again_after_its_connection_was_cut_and_after_all_was_deleted(
    office: Office, looked_at: "asyncio.Queue[str]"
) -> None:
    async with working(office):
        for client in await office.redis.client_list():
            if client["cmd"] == "bzpopmin":
                await office.redis.client_kill_filter(_id=client["id"])
        await until(partial(waits_on, office))
        await office.redis.flushall()
        await office.mark()
        assert await asyncio.wait_for(looked_at.get(), SOON) == KEY.ref


async def test_a_job_for_which_nobody_rang_is_found(office: Office, looked_at: "asyncio.Queue[str]") -> None:
    async with working(office):
        await office.redis.zadd(BELL, {"ring": 0})
        await until(partial(waits_on, office))
        await office.mark()
        await office.redis.delete(BELL)
        assert await asyncio.wait_for(looked_at.get(), SOON) == KEY.ref


@pytest.mark.usefixtures("_only_called")
async def test_a_worker_without_room_takes_the_next_job_as_soon_as_one_has_ended(
    office: Office, looked_at: "asyncio.Queue[str]"
) -> None:
    async with working(office, max_jobs=2):
        refs = await mark_some(office, 25)
        seen = [await asyncio.wait_for(looked_at.get(), SOON) for _ in refs]
    assert sorted(seen) == sorted(refs)


async def test_a_worker_that_may_not_wait_asks(
    connection: Connection, keyring: Keyring, redis_url: str, looked_at: "asyncio.Queue[str]"
) -> None:
    await connection.redis.acl_setuser(
        "hasty", enabled=True, passwords=["+test-only"], keys=["*"], commands=["+@all", "-bzpopmin"], reset=True
    )
    address = RedisAddress.parse(redis_url)
    signed_in = replace(address, sign_in=RedisSignIn("hasty", "test-only"))
    async with open_connection(signed_in, socket_timeout=5.0, retries=0) as hasty:
        office = Office(hasty, keyring, clock=RealClock())
        supervisor = Supervisor({"work": partial(work_worker, hasty.redis.connection_pool, office.contexts, 4)})
        running = asyncio.create_task(supervisor.run())
        await office.mark()
        assert await asyncio.wait_for(looked_at.get(), SOON) == KEY.ref
        supervisor.stop()
        await asyncio.wait_for(running, SOON)
    await connection.redis.acl_deluser("hasty")


async def mark_some(office: Office, count: int) -> list[str]:
    """Mark as many cases in one step."""
    keys = [CaseKey("lakeside", CaseKind.FINDING, f"fnd_{number}") for number in range(count)]
    await office.context.todo.mark([(key, None) for key in keys], time.time())
    return [key.ref for key in keys]


async def test_no_job_is_claimed_twice_and_who_leaves_some_calls_the_next_worker(
    office: Office, queue: WorkQueue
) -> None:
    await mark_some(office, 250)
    assert await queue.hear(0.01), "one ring for all of them"
    assert await office.redis.exists(BELL) == 0
    first = (await queue.claim(120, LATER_MS, 40_000)).jobs
    assert await office.redis.exists(BELL) == 1
    second = (await queue.claim(200, LATER_MS, 40_000)).jobs
    assert (len(first), len(second)) == (120, 130)
    assert len({job.id for job in (*first, *second)}) == 250
    assert await queue.claim(10, LATER_MS, 40_000) == Claimed([])


async def test_the_most_urgent_job_is_claimed_first_and_one_that_is_given_back_again(
    office: Office, queue: WorkQueue
) -> None:
    await mark_some(office, 5)
    await office.redis.zadd(WORK_QUEUE, {"urgent": 1, "not-due": LATER_MS + 1})
    (claimed,) = (await queue.claim(1, LATER_MS, 40_000)).jobs
    assert claimed == ("urgent", 1, b"")
    assert 0 < await office.redis.pttl(IN_PROGRESS_PREFIX + "urgent") <= 40_000
    await queue.give_back(["urgent"])
    assert await queue.claim(1, LATER_MS, 40_000) == Claimed([ClaimedJob("urgent", 1, b"")])


async def test_what_was_told_of_a_job_when_it_was_claimed_is_not_asked_when_it_begins(
    office: Office, looked_at: "asyncio.Queue[str]"
) -> None:
    async with working(office):
        await office.redis.config_resetstat()
        refs = await mark_some(office, 3)
        seen = [await asyncio.wait_for(looked_at.get(), SOON) for _ in refs]
        stats = await office.redis.info("commandstats")
    assert sorted(seen) == sorted(refs)
    assert not {"cmdstat_multi", "cmdstat_incrby"} & stats.keys()
    assert await office.redis.keys("arq:*") == []


async def test_a_job_whose_content_is_gone_is_dropped_and_keeps_nobody_from_work(
    office: Office, looked_at: "asyncio.Queue[str]"
) -> None:
    async with working(office):
        await office.redis.zadd(WORK_QUEUE, {"gone": 1})
        await office.mark()
        assert await asyncio.wait_for(looked_at.get(), SOON) == KEY.ref
        await until(partial(_is_empty, office))


async def test_only_what_arq_asks_of_a_job_that_was_told_is_answered_here(office: Office) -> None:
    redis = JobsRedis(pool_or_conn=office.redis.connection_pool)
    await redis.set("arq:job:a", "as it is stored")
    redis.tell("a", b"as it was told")
    redis.tell("b", b"")
    other = redis.pipeline()
    other.get("arq:job:a")
    assert await other.execute() == [b"as it is stored"]
    assert await _begun(redis, "b") == [None, 1, True]
    assert await _begun(redis, "a") == [b"as it was told", 1, True]
    assert await _begun(redis, "a") == [b"as it is stored", 1, True], "it was told once"


async def test_what_was_told_of_a_job_that_never_asked_is_not_told_to_the_next_of_its_id(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def unasked(_worker: Worker, _job_id: str, _score: int) -> None:
        """As where a job is cancelled before it begins, or a later arq asks for it in another way."""

    monkeypatch.setattr(Worker, "run_job", unasked)
    (ref,) = await mark_some(office, 1)
    worker = work_worker(office.redis.connection_pool, office.contexts, 4)
    await worker.start_jobs([b"look"])
    ((job_id, job),) = [(name, task) for name, task in worker.tasks.items() if ref in name]
    await job
    await asyncio.sleep(0)
    await office.redis.set(f"arq:job:{job_id}", "as it is stored now")
    assert isinstance(worker.pool, JobsRedis)
    assert (await _begun(worker.pool, job_id))[0] == b"as it is stored now"


async def _begun(redis: JobsRedis, job_id: str) -> list[object]:
    """What arq asks at the beginning of a job."""
    asked = redis.pipeline()
    asked.get(f"arq:job:{job_id}")
    asked.incr(f"arq:retry:{job_id}")
    asked.expire(f"arq:retry:{job_id}", 60)
    return list(await asked.execute())


async def _is_empty(office: Office) -> bool:
    return not await office.redis.zcard(WORK_QUEUE)


async def test_a_ring_that_nobody_hears_is_forgotten(office: Office) -> None:
    await office.mark()
    assert 0 < await office.redis.pttl(BELL) <= 60_000


async def test_waiting_raises_nothing_while_redis_is_away(unreachable: Any) -> None:
    assert not await WorkQueue(unreachable).hear(0.01)


@pytest.fixture
async def unreachable() -> AsyncIterator[Connection]:
    address = RedisAddress.parse("redis://127.0.0.1:1")
    async with open_connection(address, socket_timeout=0.5, retries=0) as connection:
        yield connection


@pytest.mark.parametrize("seconds", [0.0, 0.05])
async def test_jobs_that_a_stopping_worker_has_claimed_are_left_to_others(
    office: Office, monkeypatch: pytest.MonkeyPatch, looked_at: "asyncio.Queue[str]", seconds: float
) -> None:
    claimed, through = asyncio.Event(), asyncio.Event()
    claim = WorkQueue.claim

    async def late(self: WorkQueue, most: int, due_ms: int, lasts_ms: int, readers: int = 1) -> Claimed:
        jobs = await claim(self, most, due_ms, lasts_ms, readers)
        claimed.set()
        await through.wait()
        return jobs

    async with working(office) as supervisor:
        monkeypatch.setattr(WorkQueue, "claim", late)
        await office.mark()
        await asyncio.wait_for(claimed.wait(), SOON)
        supervisor.stop()
        await asyncio.sleep(seconds)
        through.set()
        await until(partial(is_nobodys, office))
    assert looked_at.empty()
    assert await office.redis.zcard(WORK_QUEUE) == 1


async def is_nobodys(office: Office) -> bool:
    return not await office.redis.keys(IN_PROGRESS_PREFIX + "*")


async def test_a_job_that_has_ended_leaves_nothing_behind(office: Office, looked_at: "asyncio.Queue[str]") -> None:
    async with working(office):
        await office.mark()
        assert await asyncio.wait_for(looked_at.get(), SOON) == KEY.ref
        await until(partial(nothing_is_left, office))


async def nothing_is_left(office: Office) -> bool:
    """Whether there are no jobs in the queue, and none in keys of arq's but for its health check."""
    keys = [key async for key in office.redis.scan_iter("arq:*") if b"health-check" not in key]
    return not keys and not await office.redis.zcard(WORK_QUEUE)
