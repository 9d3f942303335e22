"""The to-do list: no wake-up is lost, one worker at a time, and the mark goes only when its generation was seen."""

import asyncio
from dataclasses import replace

import pytest
from arq.constants import in_progress_key_prefix

from remediation.domain.cases.records import CaseKey, CaseKind, Memory
from remediation.domain.errors import LeaseLost, Refused
from remediation.domain.status import Status
from remediation.domain.tickets import Ticket, TicketChange, TicketState
from remediation.queue import WORK_QUEUE, Band
from remediation.sealing import Keyring
from remediation.store.cases.links import LeasedLinks
from remediation.store.cases.todo import SWEEP_BATCH, Lease, Todo
from remediation.store.deliveries.parked import ParkedKind, ParkedWork
from remediation.store.deliveries.readings import scan_ref
from remediation.store.keys import CASE, DIRTY, LEASE
from remediation.store.scans.listing import Scans
from remediation.store.server.connection import Connection
from tests.action_names import actions_named

NOW = 1_800_000_000.0
KEY = CaseKey("lakeside", CaseKind.FINDING, "fnd_1")
TICKET = Ticket("jira", "10001", "SEC-1", "https://jira.example/browse/SEC-1", TicketState.OPEN, mark=KEY.mark)


@pytest.fixture
def todo(connection: Connection) -> Todo:
    return Todo(connection)


async def taken(todo: Todo) -> Lease:
    lease = await todo.take(KEY.ref, NOW)
    assert lease is not None
    return lease


async def queue(connection: Connection) -> list[str]:
    return [job.decode() for job in await connection.redis.zrange(WORK_QUEUE, 0, -1)]


async def test_a_clean_case_cannot_be_taken(todo: Todo) -> None:
    assert await todo.take(KEY.ref, NOW) is None


async def test_many_marks_make_one_wake_up(todo: Todo, connection: Connection) -> None:
    for _ in range(5):
        await todo.mark([(KEY, Band.LOW)], NOW)
    assert len(await queue(connection)) == 1
    assert (await taken(todo)).generation == "5"


async def test_one_worker_at_a_time_holds_a_case(todo: Todo) -> None:
    await todo.mark([(KEY, Band.LOW)], NOW)
    leases = await asyncio.gather(*(todo.take(KEY.ref, NOW) for _ in range(20)))
    assert sum(lease is not None for lease in leases) == 1


async def test_a_settled_case_is_clean_and_remembered(todo: Todo) -> None:
    await todo.mark([(KEY, Band.LOW)], NOW)
    memory = Memory(Status.REVIEWING, {"jira": TicketState.OPEN})
    assert await todo.settle(await taken(todo), memory, NOW)
    assert await todo.dirty() == 0
    record = await todo.record(KEY.ref)
    assert record is not None
    assert record.memory == memory


async def test_a_trigger_during_the_work_is_looked_at_afterwards(todo: Todo, connection: Connection) -> None:
    await todo.mark([(KEY, Band.LOW)], NOW)
    lease = await taken(todo)
    await connection.redis.delete(WORK_QUEUE)
    await todo.mark([(KEY, Band.LOW)], NOW)
    assert await queue(connection) == [], "the holder will see it; no second worker need be woken"
    assert await todo.settle(lease, Memory(), NOW)
    assert len(await queue(connection)) == 1
    assert (await taken(todo)).generation == "2"


async def test_a_wake_up_after_settling_never_reuses_the_id_that_arq_is_about_to_delete(
    todo: Todo, connection: Connection
) -> None:
    await todo.mark([(KEY, Band.LOW)], NOW)
    (running,) = await queue(connection)
    await connection.redis.set(in_progress_key_prefix + running, b"1")
    await todo.settle(await taken(todo), Memory(), NOW)
    await todo.mark([(KEY, Band.LOW)], NOW)
    assert sorted(await queue(connection)) != [running]
    assert len(await queue(connection)) == 2


async def test_a_more_urgent_trigger_moves_the_waiting_wake_up_forward(todo: Todo, connection: Connection) -> None:
    other = CaseKey("lakeside", CaseKind.FINDING, "fnd_2")
    await todo.mark([(other, Band.HIGH)], NOW)
    await todo.mark([(KEY, Band.LOW)], NOW)
    assert other.ref in (await queue(connection))[0]
    await todo.mark([(KEY, Band.CRITICAL)], NOW + 5)
    assert KEY.ref in (await queue(connection))[0]


async def test_worst_first_and_within_one_severity_oldest_first(todo: Todo, connection: Connection) -> None:
    bands = [Band.LOW, Band.CRITICAL, Band.MEDIUM, Band.HIGH, Band.CRITICAL]
    for number, band in enumerate(bands):
        await todo.mark([(CaseKey("lakeside", CaseKind.FINDING, f"fnd_{number}"), band)], NOW + number)
    order = [job.split(":")[3] for job in await queue(connection)]
    assert order == ["fnd_1", "fnd_4", "fnd_3", "fnd_2", "fnd_0"]


async def test_a_trigger_of_unknown_urgency_keeps_the_one_it_had(todo: Todo, connection: Connection) -> None:
    await todo.mark([(KEY, Band.CRITICAL)], NOW)
    await todo.settle(await taken(todo), Memory(), NOW)
    await connection.redis.delete(WORK_QUEUE)
    await todo.mark([(KEY, None), (CaseKey("lakeside", CaseKind.FINDING, "fnd_2"), Band.HIGH)], NOW)
    assert KEY.ref in (await queue(connection))[0]


async def test_a_lost_lease_writes_nothing(todo: Todo, connection: Connection) -> None:
    await todo.mark([(KEY, Band.LOW)], NOW)
    old = await taken(todo)
    await connection.redis.delete(LEASE + KEY.ref)
    new = await taken(todo)
    assert not await todo.renew(old, {"memory": "{}"})
    assert not await todo.settle(old, Memory(Status.RESOLVED), NOW)
    assert not await todo.put_off(old, NOW, NOW)
    links = LeasedLinks(connection, old)
    with pytest.raises(LeaseLost):
        await links.intend("jira", NOW)
    with pytest.raises(LeaseLost):
        await links.link(TICKET)
    record = await todo.record(KEY.ref)
    assert record is not None
    assert (record.memory, dict(record.links), dict(record.intents)) == (Memory(), {}, {})
    assert await todo.settle(new, Memory(), NOW)


async def test_an_intent_is_remembered_until_the_ticket_is_linked(todo: Todo, connection: Connection) -> None:
    await todo.mark([(KEY, Band.LOW)], NOW)
    lease = await taken(todo)
    links = LeasedLinks(connection, lease)
    await links.intend("jira", NOW)
    record = await todo.record(KEY.ref)
    assert record is not None
    assert record.intents["jira"].at == NOW
    await links.link(TICKET)
    record = await todo.record(KEY.ref)
    assert record is not None
    assert record.links["jira"].ticket_key == "SEC-1"
    assert record.intents == {}
    assert await todo.keys_of_tickets("jira", ["10001", "10002"]) == [KEY, None]


async def test_a_case_put_off_comes_back_when_it_is_due_and_not_before(todo: Todo, connection: Connection) -> None:
    await todo.mark([(KEY, Band.LOW)], NOW)
    await todo.put_off(await taken(todo), NOW + 30, NOW)
    await connection.redis.delete(WORK_QUEUE)
    assert (await todo.sweep(NOW + 29))["case"] == 0
    assert (await todo.sweep(NOW + 31))["case"] == 1
    assert (await taken(todo)).record.attempts == 1


async def test_a_trigger_during_a_look_that_is_put_off_is_not_put_off_with_it(
    todo: Todo, connection: Connection
) -> None:
    await todo.mark([(KEY, Band.LOW)], NOW)
    lease = await taken(todo)
    await todo.mark([(KEY, Band.CRITICAL)], NOW + 1)
    await todo.put_off(lease, NOW + 900, NOW + 2)
    await connection.redis.delete(WORK_QUEUE)
    assert (await todo.sweep(NOW + 2))["case"] == 1


async def test_settling_forgets_the_attempts(todo: Todo) -> None:
    await todo.mark([(KEY, Band.LOW)], NOW)
    await todo.put_off(await taken(todo), NOW, NOW)
    await todo.settle(await taken(todo), Memory(), NOW)
    await todo.mark([(KEY, Band.LOW)], NOW)
    assert (await taken(todo)).record.attempts == 0


async def test_the_sweep_leaves_a_held_case_alone_and_takes_up_an_orphan(todo: Todo, connection: Connection) -> None:
    """After kill -9 arq still thinks that the job runs; our lease ends sooner, and a new wake-up gets a new id."""
    await todo.mark([(KEY, Band.LOW)], NOW)
    (job,) = await queue(connection)
    await connection.redis.set(in_progress_key_prefix + job, b"1")
    await taken(todo)
    assert (await todo.sweep(NOW + 60))["case"] == 0
    await connection.redis.delete(LEASE + KEY.ref)
    assert (await todo.sweep(NOW + 120))["case"] == 1
    assert len(await queue(connection)) == 2


async def test_a_lease_runs_out_by_itself(todo: Todo, connection: Connection) -> None:
    await todo.mark([(KEY, Band.LOW)], NOW)
    await taken(todo)
    assert 0 < await connection.redis.pttl(LEASE + KEY.ref) <= 8_000


async def test_a_cursor_moves_together_with_the_marks(todo: Todo) -> None:
    change = TicketChange(TICKET.id, TICKET.mark, "v1")
    assert await todo.mark_changes("jira", [(change, KEY)], "page-2", NOW) == 1
    assert await todo.cursor("jira") == "page-2"
    assert await todo.dirty() == 1


async def test_a_version_of_a_ticket_marks_its_case_once(todo: Todo) -> None:
    change = TicketChange(TICKET.id, TICKET.mark, "v1")
    assert await todo.mark_changes("jira", [(change, KEY)], "c1", NOW) == 1
    assert await todo.mark_changes("jira", [(change, KEY)], "c2", NOW) == 0
    assert await todo.mark_changes("jira", [(replace(change, version="v2"), KEY)], "c3", NOW) == 1


async def test_a_version_that_a_look_has_seen_or_made_comes_back_as_no_news(todo: Todo) -> None:
    await todo.mark([(KEY, Band.LOW)], NOW)
    await todo.settle(await taken(todo), Memory(), NOW, seen=[replace(TICKET, version="v7")], drop=["parked:x"])
    assert await todo.mark_changes("jira", [(TicketChange(TICKET.id, TICKET.mark, "v7"), KEY)], "c1", NOW) == 0
    assert await todo.dirty() == 0


async def test_a_change_without_a_version_always_counts(todo: Todo) -> None:
    change = TicketChange(TICKET.id, TICKET.mark)
    assert await todo.mark_changes("jira", [(change, KEY)], "c1", NOW) == 1
    assert await todo.mark_changes("jira", [(change, KEY)], "c2", NOW) == 1


async def test_a_case_with_an_unusual_id_is_found_by_its_digest(todo: Todo) -> None:
    odd = CaseKey("lakeside", CaseKind.FINDING, "fnd with spaces ^ and ünïcode" * 5)
    await todo.mark([(odd, Band.LOW)], NOW)
    assert await todo.key_of(odd.ref) == odd
    assert await todo.key_of("lakeside:finding:sha256-" + "0" * 40) is None
    lease = await todo.take(odd.ref, NOW)
    assert lease is not None
    assert lease.record.key == odd


async def test_a_parked_action_is_named_in_its_case_until_it_is_replayed(
    todo: Todo, connection: Connection, keyring: Keyring
) -> None:
    parked = ParkedWork(connection, keyring)
    await todo.mark([(KEY, Band.LOW)], NOW)
    error = Refused("jira", "customfield_10010: is required", status=400)
    await parked.park(ParkedKind.ACTION, KEY.ref, error, NOW, district="lakeside", action="open:jira")
    name = await parked.park(ParkedKind.ACTION, KEY.ref, error, NOW, district="lakeside", action="open:jira")
    item = await parked.one(name)
    assert item is not None
    assert (item.name, item.words, item.attempts, item.system) == (
        "lakeside:finding:fnd_1/open:jira",
        "customfield_10010: is required",
        2,
        "jira",
    )
    lease = await taken(todo)
    assert lease.record.parked == actions_named("open:jira")
    await todo.settle(lease, Memory(), NOW)
    assert await parked.replay(name, NOW)
    record = (await taken(todo)).record
    assert record.parked == frozenset()
    assert record.again == actions_named("open:jira")


async def test_a_replay_during_a_look_is_not_overwritten_by_it(
    todo: Todo, connection: Connection, keyring: Keyring
) -> None:
    parked = ParkedWork(connection, keyring)
    await todo.mark([(KEY, Band.LOW)], NOW)
    error = Refused("jira", "no")
    name = await parked.park(ParkedKind.ACTION, KEY.ref, error, NOW, district="lakeside", action="open:jira")
    lease = await taken(todo)
    await parked.replay(name, NOW)
    await todo.settle(lease, Memory(), NOW)
    assert (await taken(todo)).record.again == actions_named("open:jira")


async def test_a_page_of_a_scan_is_marked_once_and_the_next_one_woken(
    todo: Todo, connection: Connection, keyring: Keyring
) -> None:
    scans = Scans(connection, keyring)
    ref = scan_ref("lakeside", "scan_1")
    row = {"state": "listing", "id": "scan_1", "cursor": ""}
    await connection.ask(connection.redis.hset(f"remedy:scan:{ref}", mapping=row))
    listing = await scans.take(ref, NOW)
    assert listing is not None
    cases = [(CaseKey("lakeside", CaseKind.FINDING, f"fnd_{number}"), Band.LOW) for number in range(3)]
    await scans.mark_page(listing, "c2", cases, NOW)
    await scans.mark_page(listing, "c2", cases, NOW)
    assert await connection.ask(connection.redis.hget(CASE + cases[0][0].ref, "gen")) == b"1"
    second = await scans.take(ref, NOW)
    assert second is not None
    assert second.cursor == "c2"
    await scans.mark_page(second, None, [], NOW)
    assert await scans.take(ref, NOW) is None
    assert await connection.redis.zcard(DIRTY) == 3


MANY = 1_500


@pytest.fixture
async def crowd(todo: Todo) -> list[CaseKey]:
    """More cases than a sweep looks at in one run, all of them harmless, and all waiting in the queue."""
    keys = [CaseKey("lakeside", CaseKind.FINDING, f"many_{number}") for number in range(MANY)]
    await todo.mark([(key, Band.LOW) for key in keys], NOW)
    return keys


async def test_a_crowd_that_waits_is_left_to_the_queue(
    todo: Todo, connection: Connection, crowd: list[CaseKey]
) -> None:
    for seconds in (11, 13, 15):
        assert (await todo.sweep(NOW + seconds))["case"] == 0
    assert len(await queue(connection)) == MANY


async def test_a_crowd_that_the_queue_has_lost_is_woken_batch_by_batch(
    todo: Todo, connection: Connection, crowd: list[CaseKey]
) -> None:
    await connection.redis.delete(WORK_QUEUE)
    woken = [(await todo.sweep(NOW + seconds))["case"] for seconds in (11, 13, 15)]
    assert woken == [SWEEP_BATCH, MANY - SWEEP_BATCH, 0]
    assert len(set(await queue(connection))) == MANY


async def test_a_critical_case_that_was_put_off_does_not_wait_behind_a_crowd(
    todo: Todo, connection: Connection, crowd: list[CaseKey]
) -> None:
    await todo.mark([(KEY, Band.CRITICAL)], NOW + 11)
    await connection.redis.zrem(WORK_QUEUE, *[job for job in await queue(connection) if KEY.ref in job])
    assert await todo.put_off(await taken(todo), NOW + 12, NOW + 11)
    for seconds in (13, 15):
        await todo.sweep(NOW + seconds)
    assert KEY.ref in (await queue(connection))[0]
