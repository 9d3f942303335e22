"""What all processes share, read from Redis: what is due and what waits, since when, and what is parked."""

import asyncio

import pytest
from arq.constants import in_progress_key_prefix
from prometheus_client import CollectorRegistry, generate_latest
from redis.asyncio import Redis

from remediation.deliveries.events import SCHOOLSCAN
from remediation.domain.cases.records import CaseKey, CaseKind, Memory
from remediation.domain.errors import KeyMissing, Refused, TryLater
from remediation.queue import JOB_PREFIX, WORK_QUEUE, Band
from remediation.redis_address import RedisAddress
from remediation.sealing import Keyring
from remediation.store.cases.waiting import WaitingCase, longest_waiting
from remediation.store.deliveries.parked import ParkedKind
from remediation.store.deliveries.parked_causes import parked_causes
from remediation.store.figures import Figures, read_figures
from remediation.store.keys import DIRTY, DIRTY_SINCE, PARKED_GROUP, PARKED_GROUPS, PENDING_SINCE
from remediation.store.server.connection import Connection, open_pool
from remedy.telemetry.store_metrics import STORE, StoreReader
from tests.integration.offices import KEY, Office
from tests.integration.receivers import event

OTHER = CaseKey("lakeside", CaseKind.FINDING, "fnd_2")


@pytest.fixture
def office(connection: Connection, keyring: Keyring) -> Office:
    return Office(connection, keyring)


async def figures(office: Office) -> Figures:
    return await read_figures(office.connection, office.clock())


async def test_an_empty_store_has_nothing_and_no_times(office: Office) -> None:
    assert await figures(office) == Figures(0, 0, 0, None, 0, 0, None, 0, None, {}, {})


async def test_due_is_what_a_worker_could_take_up_now(office: Office) -> None:
    """Neither what is in hand, nor what an enqueue left that raised, nor a cron of another moment."""
    await office.context.todo.mark([(KEY, Band.HIGH), (OTHER, Band.LOW)], office.clock())
    assert ((await figures(office)).due, (await figures(office)).running) == (2, 0)
    first = (await office.waiting())[0]
    await office.redis.set(in_progress_key_prefix + first, b"1")
    now = int(office.clock() * 1000)
    await office.redis.zadd(WORK_QUEUE, {"orphan": now, "later": now + 60_000})
    await office.redis.set(JOB_PREFIX + "later", b"{}")
    seen = await figures(office)
    assert (seen.due, seen.running) == (1, 1)


async def test_a_queue_that_is_longer_than_is_looked_at_counts_all_of_it(office: Office) -> None:
    keys = [CaseKey("lakeside", CaseKind.FINDING, f"fnd_{number}") for number in range(1_500)]
    await office.context.todo.mark([(key, Band.LOW) for key in keys], office.clock())
    for begun in (await office.waiting())[:3]:
        await office.redis.set(in_progress_key_prefix + begun, b"1")
    seen = await figures(office)
    assert (seen.due, seen.running) == (1_497, 3)


async def test_what_is_put_off_is_dirty_and_not_due(office: Office) -> None:
    office.jira.troubles.once("create", TryLater("jira", "down", status=503))
    await office.look()
    seen = await figures(office)
    assert (seen.due, seen.dirty) == (0, 1)
    await office.context.todo.mark([(OTHER, Band.LOW)], office.clock())
    await office.redis.zadd(DIRTY, {KEY.ref: (office.clock() + 60) * 1000})
    seen = await figures(office)
    assert (seen.due, seen.dirty, seen.put_off) == (1, 2, 1)


async def test_a_case_is_as_old_as_its_first_mark_until_it_is_settled(office: Office) -> None:
    begun = office.clock()
    await office.mark()
    office.clock.pass_by(100)
    await office.context.todo.mark([(OTHER, Band.LOW)], office.clock())
    await office.context.todo.sweep(office.clock())
    await office.mark()
    assert (await figures(office)).oldest_dirty == begun
    await office.work()
    assert (await figures(office)).oldest_dirty is None


async def test_news_during_a_look_is_as_old_as_the_news(office: Office) -> None:
    await office.mark()
    lease = await office.context.todo.take(KEY.ref, office.clock())
    assert lease is not None
    office.clock.pass_by(5)
    news = office.clock()
    await office.mark()
    assert await office.context.todo.settle(lease, Memory(), office.clock())
    assert (await figures(office)).oldest_dirty == news


async def test_a_delivery_is_as_old_as_its_receipt_however_often_it_was_swept(office: Office) -> None:
    begun = office.clock()
    body = event(1)
    await office.context.inbox.accept("d1", SCHOOLSCAN, "lakeside", body, begun)
    for _ in range(5):
        office.clock.pass_by(30)
        await office.context.todo.sweep(office.clock())
    seen = await figures(office)
    assert (seen.unread, seen.oldest_unread, seen.accepted) == (1, begun, {"schoolscan": begun})
    await office.work()
    seen = await figures(office)
    assert (seen.unread, seen.oldest_unread, seen.last_sweep) == (0, None, office.clock())


async def test_what_a_version_finished_that_knows_no_ages_is_not_old_for_ever(office: Office) -> None:
    await office.mark()
    await office.redis.zrem(DIRTY, KEY.ref)
    await office.redis.zadd(PENDING_SINCE, {"gone": 1})
    seen = await figures(office)
    assert (seen.oldest_dirty, seen.oldest_unread) == (None, None)
    assert await office.redis.zcard(DIRTY_SINCE) == await office.redis.zcard(PENDING_SINCE) == 0


async def test_what_a_version_marked_that_knows_no_ages_gets_one_by_the_sweep(office: Office) -> None:
    await office.mark()
    await office.redis.delete(DIRTY_SINCE)
    assert (await figures(office)).oldest_dirty is None
    office.clock.pass_by(60)
    await office.context.todo.sweep(office.clock())
    assert (await figures(office)).oldest_dirty == office.clock()


async def test_parked_work_is_told_by_its_kind(office: Office) -> None:
    no, now = Refused("jira", "no", status=400), office.clock()
    for number in range(2):
        await office.context.parked.park(ParkedKind.CASE, f"lakeside:finding:f{number}", no, now, district="lakeside")
    body = event(1)
    await office.context.inbox.accept("d1", SCHOOLSCAN, "lakeside", body, now)
    await office.context.parked.park(ParkedKind.DELIVERY, "d1", KeyMissing("no key"), now, district="lakeside")
    seen = await figures(office)
    assert (seen.parked, seen.parked_kinds) == (3, {"case": 2, "delivery": 1})
    assert seen.parked_accounts == {"lakeside": 3}
    assert (seen.unread, seen.oldest_unread) == (0, None)


async def _park(office: Office, count: int) -> None:
    for number in range(count):
        error = Refused("jira", f"field {number % 7} is wrong", status=(400, 403)[number % 2])
        ref = f"{('lakeside', 'harbor')[number % 2]}:finding:f{number}"
        await office.context.parked.park(ParkedKind.CASE, ref, error, office.clock(), district=ref.partition(":")[0])
        office.clock.pass_by(1)


async def test_all_parked_work_is_counted_without_reading_a_piece(office: Office) -> None:
    begun = office.clock()
    await _park(office, 1_100)
    await office.redis.config_resetstat()
    seen, causes = await figures(office), await parked_causes(office.connection)
    calls = await office.redis.info("commandstats")
    assert (seen.parked_kinds, seen.parked_accounts) == ({"case": 1_100}, {"lakeside": 550, "harbor": 550})
    assert [(each.status, each.count) for each in causes] == [(400, 550), (403, 550)]
    assert [(each.first, each.last) for each in causes] == [(begun, begun + 1_098), (begun + 1, begun + 1_099)]
    assert sum(each["calls"] for each in calls.values()) < 200


async def test_what_an_earlier_version_parked_is_counted_before_it_is_in_a_group(office: Office) -> None:
    await _park(office, 10)
    at_first = await parked_causes(office.connection)
    groups = await office.connection.ask(office.redis.hkeys(PARKED_GROUPS))
    await office.redis.delete(PARKED_GROUPS, *(PARKED_GROUP + each.decode() for each in groups))
    seen = await figures(office)
    assert (seen.parked_kinds, seen.parked_accounts) == ({"case": 10}, {"lakeside": 5, "harbor": 5})
    assert await parked_causes(office.connection) == at_first


async def test_the_case_that_waits_longest_is_found_behind_those_of_other_districts(office: Office) -> None:
    others = [CaseKey("harbor", CaseKind.FINDING, f"fnd_{number}") for number in range(60)]
    await office.context.todo.mark([(key, Band.LOW) for key in others], office.clock())
    assert await longest_waiting(office.connection, {"lakeside"}) is None
    office.clock.pass_by(1)
    await office.mark()
    assert await longest_waiting(office.connection, {"lakeside"}) == WaitingCase(KEY.ref, office.clock())
    for key in others[:50]:
        await office.redis.zrem(DIRTY, key.ref)
    left = await longest_waiting(office.connection)
    assert left is not None
    assert left.ref in {key.ref for key in others[50:]}, "one that an earlier version finished waits no more"


def told() -> dict[str, float]:
    """The series of the store, as Prometheus would get them."""
    registry = CollectorRegistry()
    registry.register(STORE)
    lines = generate_latest(registry).decode().splitlines()
    return {name: float(value) for name, value in (line.rsplit(" ", 1) for line in lines if not line.startswith("#"))}


async def test_every_process_tells_what_all_share(office: Office) -> None:
    await office.mark()
    await StoreReader(office.connection, office.clock, allow_weak_durability=False).refresh()
    seen = told()
    assert (seen["remedy_queue_due"], seen["remedy_redis_up"], seen["remedy_redis_writable"]) == (1, 1, 1)
    assert seen["remedy_redis_durable"] == 1
    assert seen['remedy_parked_kinds{kind="case"}'] == 0, "a kind is there before the first of it"


async def test_weak_durability_is_told_unless_the_settings_allow_it(office: Office) -> None:
    await office.redis.config_set("appendfsync", "everysec")
    try:
        for allowed in (False, True):
            await StoreReader(office.connection, office.clock, allow_weak_durability=allowed).refresh()
            assert told()["remedy_redis_durable"] == allowed
    finally:
        await office.redis.config_set("appendfsync", "always")


async def test_a_full_redis_takes_no_writes_and_is_not_said_to_forget(office: Office) -> None:
    await office.redis.config_set("maxmemory", "1mb")
    try:
        await StoreReader(office.connection, office.clock, allow_weak_durability=False).refresh()
    finally:
        await office.redis.config_set("maxmemory", "0")
    seen = told()
    assert (seen["remedy_redis_up"], seen["remedy_redis_writable"]) == (1, 0)
    assert "remedy_redis_durable" not in seen


async def test_a_process_that_cannot_read_redis_tells_no_old_figures(office: Office) -> None:
    await office.mark()
    await StoreReader(office.connection, office.clock, allow_weak_durability=False).refresh()
    pool = open_pool(RedisAddress.parse("redis://127.0.0.1:1"), socket_timeout=0.2, retries=0)
    away = Connection(Redis(connection_pool=pool))
    await asyncio.wait_for(StoreReader(away, office.clock, allow_weak_durability=False).refresh(), 6)
    assert told() == {"remedy_redis_up": 0}
    await away.redis.aclose()
    await pool.aclose()
