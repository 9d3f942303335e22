"""P1: a delivery is in the inbox until it has been read, and its body no longer."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta

import pytest
from arq.connections import ArqRedis

from remediation.deliveries.events import SCHOOLSCAN
from remediation.domain.cases.records import CaseKey, CaseKind
from remediation.domain.errors import KeyMissing
from remediation.queue import WORK_QUEUE, Band, Job, decode, encode
from remediation.sealing import Keyring, generate_key
from remediation.store.cases.todo import Todo
from remediation.store.deliveries.inbox import FINGERPRINT_LIFETIME, DeliveryState, Inbox
from remediation.store.deliveries.parked import ParkedKind, ParkedWork
from remediation.store.deliveries.readings import DeliveryNews, ScanNote, StoredDelivery
from remediation.store.keys import INBOX, PARKED
from remediation.store.scans.listing import Scans
from remediation.store.server.connection import Connection
from remediation.store.server.readiness import durability_problems

NOW = 1_800_000_000.0
BODY = b'{"id":"evt_1","note":"ZZPII-canary"}'
KEY = CaseKey("lakeside", CaseKind.FINDING, "fnd_1")


@pytest.fixture
def inbox(connection: Connection, keyring: Keyring) -> Inbox:
    return Inbox(connection, keyring)


async def accept(inbox: Inbox, delivery_id: str = "d1", unreadable: str | None = None) -> bool:
    return await inbox.accept(delivery_id, SCHOOLSCAN, "lakeside", BODY, NOW, unreadable=unreadable)


async def everything(connection: Connection) -> bytes:
    found = []
    async for key in connection.redis.scan_iter():
        found += [key, await connection.redis.dump(key) or b""]
    return b"\n".join(found)


async def test_the_embedded_server_is_as_durable_as_we_demand(connection: Connection) -> None:
    assert await durability_problems(connection.redis) == []


async def test_a_server_that_may_forget_is_called_so(connection: Connection) -> None:
    await connection.redis.config_set("appendfsync", "everysec")
    try:
        assert await durability_problems(connection.redis) == ["appendfsync is everysec, not always"]
    finally:
        await connection.redis.config_set("appendfsync", "always")


async def taken(inbox: Inbox, delivery_id: str = "d1") -> Sequence[StoredDelivery]:
    """The delivery, taken up by a worker, if it waits."""
    batch = await inbox.readings.take(delivery_id, NOW)
    return batch.deliveries if batch else []


async def test_an_accepted_delivery_waits_with_its_body(inbox: Inbox) -> None:
    assert await accept(inbox)
    (delivery,) = await taken(inbox)
    assert (delivery.sender, delivery.account, delivery.body) == (SCHOOLSCAN, "lakeside", BODY)


async def test_of_many_copies_at_once_one_is_stored_and_one_job_made(inbox: Inbox, connection: Connection) -> None:
    answers = await asyncio.gather(*(accept(inbox) for _ in range(50)))
    assert sorted(answers) == [False] * 49 + [True]
    assert await connection.redis.zcard(WORK_QUEUE) == 1


async def test_arq_reads_the_job_that_the_script_wrote(inbox: Inbox, connection: Connection) -> None:
    await accept(inbox)
    arq = ArqRedis(connection.redis.connection_pool, job_serializer=encode, job_deserializer=decode)
    (job,) = await arq.queued_jobs(queue_name=WORK_QUEUE)
    assert (job.function, list(job.args), job.kwargs) == (Job.READ_DELIVERY, ["d1"], {})


async def test_no_payload_can_be_read_in_redis(inbox: Inbox, connection: Connection) -> None:
    await accept(inbox)
    await accept(inbox, "d2", unreadable="not JSON")
    assert b"ZZPII" not in await everything(connection)


async def test_a_body_does_not_open_in_another_row(inbox: Inbox, connection: Connection) -> None:
    await accept(inbox)
    await connection.redis.rename(INBOX + "d1", INBOX + "d2")
    (delivery,) = await taken(inbox, "d2")
    with pytest.raises(KeyMissing):
        delivery.opened()


async def test_a_row_whose_key_is_missing_says_so(inbox: Inbox, connection: Connection) -> None:
    await accept(inbox)
    (delivery,) = await taken(Inbox(connection, Keyring.parse(generate_key())))
    with pytest.raises(KeyMissing):
        delivery.opened()


async def test_a_finished_delivery_keeps_its_fingerprint_and_loses_its_body(
    inbox: Inbox, connection: Connection
) -> None:
    await accept(inbox)
    await inbox.readings.finish("", [DeliveryNews.of_case("d1", KEY, Band.CRITICAL)], NOW)
    assert await inbox.state("d1") is DeliveryState.DONE
    assert await taken(inbox) == []
    assert not await connection.ask(connection.redis.hexists(INBOX + "d1", "body"))
    lifetime = await connection.redis.ttl(INBOX + "d1")
    assert 0 < lifetime <= FINGERPRINT_LIFETIME.total_seconds()
    assert await accept(inbox) is False


async def test_a_fingerprint_is_kept_for_as_long_as_the_file_says(connection: Connection, keyring: Keyring) -> None:
    inbox = Inbox(connection, keyring, timedelta(days=2))
    await accept(inbox)
    await inbox.readings.finish("", [DeliveryNews.unknown("d1")], NOW)
    assert round(await connection.redis.ttl(INBOX + "d1") / 86_400) == 2


async def test_a_delivery_that_has_not_been_read_never_expires(inbox: Inbox, connection: Connection) -> None:
    await accept(inbox)
    await accept(inbox, "d2", unreadable="not JSON")
    assert await connection.redis.ttl(INBOX + "d1") == -1
    assert await connection.redis.ttl(INBOX + "d2") == -1


async def test_finishing_marks_the_case_in_the_same_step_and_only_once(inbox: Inbox, connection: Connection) -> None:
    await accept(inbox)
    await inbox.readings.finish("", [DeliveryNews.of_case("d1", KEY, Band.CRITICAL)], NOW)
    await inbox.readings.finish("", [DeliveryNews.of_case("d1", KEY, Band.CRITICAL)], NOW)
    lease = await Todo(connection).take(KEY.ref, NOW)
    assert lease is not None
    assert lease.generation == "1"


async def test_a_completed_scan_is_listed_and_a_started_one_only_recorded(
    inbox: Inbox, connection: Connection, keyring: Keyring
) -> None:
    scans = Scans(connection, keyring)
    await accept(inbox)
    started = ScanNote("lakeside", "scan_1", completed=False)
    await inbox.readings.finish("", [DeliveryNews.of_scan("d1", started)], NOW)
    assert await scans.take(started.ref, NOW) is None
    await accept(inbox, "d2")
    completed = ScanNote("lakeside", "scan_1", completed=True)
    await inbox.readings.finish("", [DeliveryNews.of_scan("d2", completed)], NOW)
    listing = await scans.take(started.ref, NOW)
    assert listing is not None
    assert (listing.id, listing.cursor) == ("scan_1", None)


async def test_an_unreadable_delivery_is_quarantined_and_listed(
    inbox: Inbox, connection: Connection, keyring: Keyring
) -> None:
    await accept(inbox, unreadable="the body is not JSON")
    assert await inbox.state("d1") is DeliveryState.QUARANTINED
    (item,) = [item async for item in ParkedWork(connection, keyring).listed()]
    assert (item.name, item.kind, item.words) == ("delivery/d1", ParkedKind.QUARANTINED, "the body is not JSON")


async def test_a_quarantined_delivery_can_be_replayed(inbox: Inbox, connection: Connection, keyring: Keyring) -> None:
    await accept(inbox, unreadable="the body is not JSON")
    parked = ParkedWork(connection, keyring)
    assert await parked.replay("delivery/d1", NOW)
    assert await inbox.state("d1") is DeliveryState.RECEIVED
    assert len(await taken(inbox)) == 1
    assert await parked.count() == 0
    assert not await parked.replay("delivery/d1", NOW)


async def test_a_discarded_delivery_is_shredded(inbox: Inbox, connection: Connection, keyring: Keyring) -> None:
    await accept(inbox, unreadable="the body is not JSON")
    assert await ParkedWork(connection, keyring).discard("delivery/d1", NOW)
    assert await inbox.state("d1") is DeliveryState.DISCARDED
    assert await connection.ask(connection.redis.hget(INBOX + "d1", "body")) is None
    assert await connection.redis.zcard(PARKED) == 0


async def test_the_sweep_wakes_a_delivery_that_the_queue_forgot(inbox: Inbox, connection: Connection) -> None:
    await accept(inbox)
    todo = Todo(connection)
    assert (await todo.sweep(NOW + 60))["delivery"] == 0, "its wake-up still waits"
    await connection.redis.delete(WORK_QUEUE)
    assert (await todo.sweep(NOW + 120))["delivery"] == 1
    assert (await todo.sweep(NOW + 120))["delivery"] == 0
