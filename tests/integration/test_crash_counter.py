"""What kills whoever takes it up is counted across kills and parked; no other end of work counts as a death."""

import asyncio
import random
from collections.abc import AsyncIterator, Iterator

import pytest
from redis.asyncio import Redis
from structlog.testing import capture_logs

from remediation.deliveries.events import SCHOOLSCAN
from remediation.domain.errors import BudgetSpent, NotFound, StoreUnavailable, TryLater
from remediation.queue import WORK_QUEUE
from remediation.redis_address import RedisAddress
from remediation.sealing import Keyring
from remediation.store.cases.todo import LEASE_SECONDS, Lease, Todo
from remediation.store.deliveries import crash_counter
from remediation.store.deliveries.crash_counter import CrashCounter
from remediation.store.deliveries.inbox import DeliveryState, Inbox
from remediation.store.deliveries.parked import ParkedKind
from remediation.store.keys import BEGUN, LEASE, SCANS
from remediation.store.scans.listing import Scans
from remediation.store.server.connection import Connection, open_pool
from remediation.store.terms import GRACE_MS, MOST_CRASHES, SUSPICIOUS
from tests.integration.offices import KEY, Office
from workers.jobs.cases import look_at_case

LOOK = f"{KEY.ref}/look"
SCAN = "lakeside:scan:scan_1"
EVENT = b'{"id":"evt_1","type":"finding.critical","data":{"finding_id":"fnd_1"}}'


@pytest.fixture
def office(connection: Connection, keyring: Keyring) -> Office:
    return Office(connection, keyring)


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    with capture_logs():
        yield


@pytest.fixture
async def nowhere(office: Office) -> AsyncIterator[Connection]:
    """A connection to a Redis that is away."""
    pool = open_pool(RedisAddress.parse("redis://127.0.0.1:1"), socket_timeout=0.2, retries=0)
    yield Connection(Redis(connection_pool=pool))
    await pool.aclose()


async def begun_and_killed(office: Office) -> Lease | None:
    """Another process takes the case, dies, and its lease runs out."""
    await office.mark()
    lease = await Todo(office.connection).take(KEY.ref, office.clock())
    await office.redis.delete(LEASE + KEY.ref)
    office.clock.pass_by(LEASE_SECONDS)
    return lease


async def crashes(office: Office, name: str = KEY.ref) -> int:
    return int(await office.connection.ask(office.redis.hget(BEGUN + name, "crashes")) or 0)


async def begun(office: Office) -> list[bytes]:
    return [key async for key in office.redis.scan_iter(f"{BEGUN}*")]


async def kill(office: Office, times: int) -> None:
    """So many processes die over the case. A suspect is taken alone, which a process of its own always can."""
    for _ in range(times):
        assert await begun_and_killed(office) is not None


async def test_what_killed_its_workers_too_often_is_parked_and_not_begun(office: Office) -> None:
    first = office.clock()
    await kill(office, MOST_CRASHES)
    await office.look()
    assert office.source.troubles.calls == [], "nobody looked"
    item = (await office.parked())[LOOK]
    assert (item.kind, item.error, item.subject) == (ParkedKind.CASE, "Poison", KEY.ref)
    assert item.words.startswith(f"{MOST_CRASHES} times in a row the worker died over it: first begun ")
    assert item.first_at.timestamp() - first == pytest.approx(MOST_CRASHES * LEASE_SECONDS)
    assert await office.later() == [], "it waits for a person"


async def test_one_death_less_is_forgiven_and_forgotten(office: Office) -> None:
    await kill(office, MOST_CRASHES - 1)
    await office.look()
    assert (len(office.tickets()), await office.parked()) == (2, {})
    assert await begun(office) == []


async def test_news_of_a_poison_do_not_begin_it_again(office: Office) -> None:
    await kill(office, MOST_CRASHES)
    for _ in range(3):
        await office.look()
    assert office.source.troubles.calls == []
    assert (await office.parked())[LOOK].attempts == 3


async def test_a_replayed_poison_has_one_chance_and_is_parked_after_one_more_death(office: Office) -> None:
    await kill(office, MOST_CRASHES)
    await office.look()
    assert await office.context.parked.replay(LOOK, office.clock())
    await office.redis.delete(WORK_QUEUE)
    await begun_and_killed(office)
    await office.look()
    assert (list(await office.parked()), office.source.troubles.calls) == ([LOOK], [])


async def test_a_replayed_poison_that_is_mended_is_done_and_cleared(office: Office) -> None:
    await kill(office, MOST_CRASHES)
    await office.look()
    assert await office.context.parked.replay(LOOK, office.clock())
    await office.work()
    assert (len(office.tickets()), await office.parked(), await begun(office)) == (2, {}, [])


@pytest.mark.parametrize("end", ["settled", "put off", "parked", "an error of ours", "cancelled"])
async def test_no_end_in_our_own_hands_counts(office: Office, end: str) -> None:
    await kill(office, 1)
    troubles = office.source.troubles
    causes: dict[str, Exception | asyncio.CancelledError] = {
        "put off": TryLater("lakeside", "busy", status=503),
        "parked": NotFound("lakeside", "no such finding", status=404),
        "an error of ours": RuntimeError("test-only"),
        "cancelled": asyncio.CancelledError(),
    }
    if end in causes:
        troubles.once("finding", causes[end])  # type: ignore[arg-type]  # a cancellation is no Exception
    await office.mark()
    try:
        await look_at_case(office.arq_context, KEY.ref)
    except asyncio.CancelledError:
        assert end == "cancelled"
    assert await begun(office) == []


async def test_deaths_still_count_after_a_look_that_had_no_room_in_a_budget(office: Office) -> None:
    await kill(office, MOST_CRASHES - 1)
    spent = BudgetSpent("schoolscan:lakeside", "schoolscan:lakeside/read", after=1.0, behind=1.0)
    office.source.troubles.once("finding", spent)
    await office.look()
    assert await crashes(office) == MOST_CRASHES - 1
    await kill(office, 1)
    await office.look()
    assert list(await office.parked()) == [LOOK]


async def test_a_worker_that_lost_its_lease_and_lives_is_taken_off_the_count(office: Office) -> None:
    """It was frozen for longer than its lease: whoever came next had to think it dead."""
    frozen = await begun_and_killed(office)
    assert frozen is not None
    await begun_and_killed(office)
    assert await crashes(office) == 1
    survivor = Todo(office.connection)
    survivor._beginnings._begun[frozen.token] = KEY.ref
    await survivor.let_go(frozen)
    assert await crashes(office) == 0


async def test_who_loses_the_lease_lets_go_without_a_trace(office: Office) -> None:
    await office.mark()
    todo = office.context.todo
    lease = await todo.take(KEY.ref, office.clock())
    assert lease is not None
    await office.redis.set(LEASE + KEY.ref, b"somebody-else")
    assert not await todo.settle(lease, lease.record.memory, office.clock())
    await todo.let_go(lease)
    assert await begun(office) == []


async def test_what_redis_could_not_be_told_it_is_told_with_the_next_work(office: Office, nowhere: Connection) -> None:
    await office.mark()
    work = CrashCounter(office.connection)
    taken = await work.take("take_case", KEY.ref, KEY.ref, office.clock(), 8_000)
    assert taken is not None
    work._connection = nowhere
    await work.let_go(taken.token)
    with pytest.raises(StoreUnavailable):
        await work.take("take_case", "other", "other", office.clock(), 8_000)
    assert len(await begun(office)) == 1
    work._connection = office.connection
    await work.take("take_case", "other", "other", office.clock(), 8_000)
    assert await begun(office) == []


async def test_a_lost_answer_is_asked_for_again_and_is_no_death(office: Office) -> None:
    await office.mark()
    args = (KEY.ref, "token", int(office.clock() * 1000), 0, 8_000)
    answers = [await office.connection.run("take_case", *args) for _ in range(3)]
    assert answers[0] == answers[1] == answers[2]
    assert await crashes(office) == 0


async def test_a_row_that_nobody_can_read_is_no_death(office: Office) -> None:
    await office.mark()
    await office.connection.ask(office.redis.hset(f"remedy:case:{KEY.ref}", "memory", "not json"))
    for _ in range(MOST_CRASHES + 1):
        await office.redis.delete(LEASE + KEY.ref)
        await look_at_case(office.arq_context, KEY.ref)
    assert await begun(office) == []


async def test_what_was_left_to_the_queue_is_looked_after_soon_when_its_taker_dies(office: Office) -> None:
    """A sweep that finds the wake-up waiting leaves the case alone for a minute; then somebody takes it and dies."""
    await office.mark()
    office.clock.pass_by(GRACE_MS / 1000)
    assert (await office.context.todo.sweep(office.clock()))["case"] == 0
    assert await Todo(office.connection).take(KEY.ref, office.clock()) is not None
    await office.redis.delete(WORK_QUEUE, LEASE + KEY.ref)
    await office.later(GRACE_MS / 1000)
    assert len(office.tickets()) == 2


# Suspects.


async def test_suspects_are_tried_one_at_a_time_and_others_beside_them(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(crash_counter, "TURN_SECONDS", 0.05)
    refs = [f"lakeside:finding:fnd_{number}" for number in range(3)]
    for ref in refs[:2]:
        await office.connection.ask(office.redis.hset(f"{BEGUN}{ref}", "crashes", str(SUSPICIOUS)))
    await office.connection.run(
        "mark_cases", 0, "again", *(part for ref in refs for part in (ref, ref.split(":")[2], 1))
    )
    todo, elsewhere = office.context.todo, Todo(office.connection)
    first = await todo.take(refs[0], office.clock())
    assert first is not None
    assert await todo.take(refs[1], office.clock()) is None, "not beside another suspect"
    assert await todo.take(refs[2], office.clock()) is not None, "who is not suspected need not wait"
    other = await elsewhere.take(refs[1], office.clock())
    assert other is not None, "in another process it is alone"
    await office.redis.delete(LEASE + refs[1])
    await elsewhere.put_off(other, office.clock(), office.clock())
    await elsewhere.let_go(other)
    await office.connection.ask(office.redis.hset(f"{BEGUN}{refs[1]}", "crashes", str(SUSPICIOUS)))
    waiting = asyncio.create_task(todo.take(refs[1], office.clock()))
    await asyncio.sleep(0.01)
    await todo.settle(first, first.record.memory, office.clock())
    await todo.let_go(first)
    assert await waiting is not None, "its turn has come"


async def test_neighbours_of_a_poison_are_cleared_and_only_the_poison_is_parked(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The worst case: ten cases always begin together, and one kills the process before any other is done."""
    monkeypatch.setattr(crash_counter, "TURN_SECONDS", 0.01)
    chance = random.Random(7)  # noqa: S311 - nobody must be kept from guessing it
    refs = [f"lakeside:finding:fnd_{number}" for number in range(10)]
    await office.connection.run(
        "mark_cases", 0, "again", *(part for ref in refs for part in (ref, ref.split(":")[2], 1))
    )
    poison, waiting, worst = refs[3], list(refs), 0
    for _ in range(100):
        process = Todo(office.connection)
        chance.shuffle(waiting)
        leases = [lease for ref in waiting if (lease := await process.take(ref, office.clock()))]
        deadly = next((lease for lease in leases if lease.ref == poison), None)
        worst = max([worst, *(lease.crashes.count for lease in leases if lease.ref != poison)])
        if deadly and deadly.crashes.count == MOST_CRASHES:
            break
        for lease in leases:
            if deadly:
                await office.redis.delete(LEASE + lease.ref)
            else:
                await process.settle(lease, lease.record.memory, office.clock())
                waiting.remove(lease.ref)
        office.clock.pass_by(LEASE_SECONDS)
    assert await crashes(office, poison) == MOST_CRASHES
    assert worst == SUSPICIOUS


# Deliveries and scans.


async def test_a_delivery_that_kills_its_readers_is_parked_and_can_be_replayed(
    office: Office, keyring: Keyring
) -> None:
    await office.context.inbox.accept("d1", SCHOOLSCAN, "lakeside", EVENT, office.clock())
    for _ in range(MOST_CRASHES):
        assert await Inbox(office.connection, keyring).readings.take("d1", office.clock()) is not None
        office.clock.pass_by(LEASE_SECONDS)
    await office.work()
    item = (await office.parked())["delivery/d1"]
    assert (item.kind, item.error, item.district) == (ParkedKind.DELIVERY, "Poison", "lakeside")
    assert await office.context.inbox.state("d1") is DeliveryState.PARKED
    assert await office.context.parked.replay(item.name, office.clock())
    await office.work()
    assert await office.context.inbox.state("d1") is DeliveryState.DONE
    assert await begun(office) == []


async def test_two_readers_at_once_are_not_taken_for_dead(office: Office, keyring: Keyring) -> None:
    await office.context.inbox.accept("d1", SCHOOLSCAN, "lakeside", EVENT, office.clock())
    for _ in range(MOST_CRASHES + 1):
        assert await Inbox(office.connection, keyring).readings.take("d1", office.clock()) is not None
    assert await crashes(office, "delivery/d1") == 0


async def test_a_scan_whose_page_kills_its_workers_is_parked_and_can_be_replayed(
    office: Office, keyring: Keyring
) -> None:
    row = {"state": "listing", "id": "scan_1", "cursor": ""}
    await office.connection.ask(office.redis.hset(f"remedy:scan:{SCAN}", mapping=row))
    await office.redis.zadd(SCANS, {SCAN: 0})
    for _ in range(MOST_CRASHES):
        assert await Scans(office.connection, keyring).take(SCAN, office.clock()) is not None
        office.clock.pass_by(LEASE_SECONDS)
    await office.later(GRACE_MS / 1000)
    item = (await office.parked())[f"{SCAN}/list"]
    assert (item.kind, item.error) == (ParkedKind.SCAN, "Poison")
    assert await office.context.parked.replay(item.name, office.clock())
    await office.work()
    assert (await office.parked(), await begun(office)) == ({}, [])
