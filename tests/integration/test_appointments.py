"""Causes and appointments: a look knows what made it, and a case that must be looked at at a moment is."""

import pytest

from remediation.domain.cases.records import CaseKey, CaseKind, Memory
from remediation.domain.errors import Refused, TryLater
from remediation.domain.tickets import Ticket, TicketChange, TicketState
from remediation.queue import BAND_MS, WORK_QUEUE, Band
from remediation.sealing import Keyring
from remediation.store.cases.links import LeasedLinks
from remediation.store.cases.standings import Stand, Standings
from remediation.store.cases.todo import Lease, Todo
from remediation.store.deliveries.parked import ParkedKind
from remediation.store.deliveries.readings import scan_ref
from remediation.store.keys import APPOINTMENTS, SWEPT
from remediation.store.scans.listing import Scans
from remediation.store.server.connection import Connection
from tests.integration.offices import KEY, Office

NOW = 1_800_000_000.0
TICKET = Ticket("jira", "10001", "SEC-1", "https://jira.example/browse/SEC-1", TicketState.OPEN, mark=KEY.mark)


@pytest.fixture
def todo(connection: Connection) -> Todo:
    return Todo(connection)


async def taken(todo: Todo, key: CaseKey = KEY) -> Lease:
    lease = await todo.take(key.ref, NOW)
    assert lease is not None
    return lease


async def settled(todo: Todo, look_at: float | None = None) -> None:
    await todo.mark([(KEY, Band.HIGH)], NOW)
    assert await todo.settle(await taken(todo), Memory(), NOW, look_at=look_at)


async def test_a_look_knows_what_marked_the_case_last_and_when(todo: Todo) -> None:
    await todo.mark([(KEY, None)], NOW - 5, "person")
    await todo.mark([(KEY, None)], NOW)
    lease = await taken(todo)
    assert (lease.cause, lease.marked_at) == ("again", NOW)


async def taken_again(todo: Todo) -> Lease:
    await todo._connection.redis.delete(f"remedy:lease:{KEY.ref}")
    return await taken(todo)


async def test_a_list_of_changes_names_its_tracker(todo: Todo) -> None:
    await todo.mark_changes("jira", [(TicketChange(TICKET.id, TICKET.mark, "v1"), KEY)], "c1", NOW)
    assert (await taken(todo)).cause == "poll:jira"


async def test_a_scan_and_a_reconciliation_are_causes(todo: Todo, connection: Connection, keyring: Keyring) -> None:
    scans, ref = Scans(connection, keyring), scan_ref("lakeside", "scan_1")
    await connection.ask(connection.redis.hset(f"remedy:scan:{ref}", mapping={"state": "listing", "id": "scan_1"}))
    await connection.ask(connection.redis.hset(f"remedy:scan:{ref}", "cursor", ""))
    listing = await scans.take(ref, NOW)
    assert listing is not None
    await scans.mark_page(listing, None, [(KEY, Band.LOW)], NOW)
    assert (await taken(todo)).cause == "scan"
    await todo.mark_found([(KEY, Band.LOW, {})], NOW)
    assert (await taken_again(todo)).cause == "reconcile"


async def test_what_a_person_replays_is_looked_at_because_of_that(connection: Connection, keyring: Keyring) -> None:
    office = Office(connection, keyring)
    await office.mark()
    name = await office.context.parked.park(
        ParkedKind.ACTION, KEY.ref, Refused("jira", "no"), NOW, district="lakeside", action="open:jira"
    )
    await office.context.parked.replay(name, NOW)
    assert (await taken(office.context.todo)).cause == "person"


async def test_a_case_that_was_put_off_comes_back_because_of_that(connection: Connection, keyring: Keyring) -> None:
    office = Office(connection, keyring)
    office.source.troubles.once("finding", TryLater("lakeside", "down"))
    await office.look()
    office.clock.pass_by(100)
    assert (await taken(office.context.todo)).cause == "sweep"


async def test_a_trigger_during_a_look_that_is_put_off_stays_its_cause(todo: Todo) -> None:
    await todo.mark([(KEY, None)], NOW)
    lease = await taken(todo)
    await todo.mark([(KEY, None)], NOW + 1, "person")
    await todo.put_off(lease, NOW + 900, NOW + 2)
    assert (await taken(todo)).cause == "person"


# Appointments.


async def test_a_case_is_looked_at_when_its_moment_has_come_and_not_before(
    todo: Todo,
) -> None:
    await settled(todo, look_at=NOW + 60)
    assert await todo.appointment(KEY.ref) == NOW + 60
    assert (await todo.sweep(NOW + 59))["appointment"] == 0
    assert await todo.dirty() == 0
    assert (await todo.sweep(NOW + 60))["appointment"] == 1
    assert (await taken(todo)).cause == "appointment"
    assert await todo.appointment(KEY.ref) is None


async def test_an_appointment_comes_once(todo: Todo, connection: Connection) -> None:
    await settled(todo, look_at=NOW + 60)
    await todo.sweep(NOW + 60)
    await todo.settle(await taken(todo), Memory(), NOW + 61)
    assert (await todo.sweep(NOW + 62))["appointment"] == 0
    assert await connection.redis.zcard(APPOINTMENTS) == 0


async def test_settling_without_a_moment_cancels_the_appointment(todo: Todo) -> None:
    await settled(todo, look_at=NOW + 60)
    await settled(todo)
    assert await todo.appointment(KEY.ref) is None


async def test_a_lost_lease_makes_no_appointment(todo: Todo, connection: Connection) -> None:
    await todo.mark([(KEY, None)], NOW)
    lease = await taken(todo)
    await connection.redis.delete(f"remedy:lease:{KEY.ref}")
    assert not await todo.settle(lease, Memory(), NOW, look_at=NOW + 60)
    assert await connection.redis.zcard(APPOINTMENTS) == 0


async def test_an_appointment_during_a_look_is_seen_by_its_holder(todo: Todo) -> None:
    await settled(todo, look_at=NOW + 60)
    await todo.mark([(KEY, None)], NOW + 59)
    lease = await taken(todo)
    await todo.sweep(NOW + 60)
    assert await todo.settle(lease, Memory(), NOW + 61)
    assert await todo.dirty() == 1


async def test_the_cost_of_the_sweep_follows_what_is_due(todo: Todo, connection: Connection) -> None:
    refs = {f"lakeside:finding:many_{number}": (NOW + 1_000 + number) * 1000 for number in range(3_000)}
    await connection.ask(connection.redis.zadd(APPOINTMENTS, refs))
    assert (await todo.sweep(NOW))["appointment"] == 0
    assert [(await todo.sweep(NOW + 9_000))["appointment"] for _ in range(4)] == [1_000, 1_000, 1_000, 0]
    assert await todo.dirty() == 0, "rows that are gone are nobody's cases"


# Marks for everything at once, and how cases stand.


async def test_what_is_found_waits_behind_other_work_the_worst_first(todo: Todo, connection: Connection) -> None:
    keys = [CaseKey("lakeside", CaseKind.FINDING, f"fnd_{number}") for number in range(4)]
    bands = [Band.LOW, Band.CRITICAL, None, Band.HIGH]
    await todo.mark_found([(key, band, {}) for key, band in zip(keys, bands, strict=True)], NOW)
    other = CaseKey("lakeside", CaseKind.FINDING, "other")
    await todo.mark([(other, Band.MEDIUM)], NOW + 3600)
    jobs = [job.decode().split(":")[3] for job in await connection.redis.zrange(WORK_QUEUE, 0, -1)]
    assert jobs == ["other", "fnd_1", "fnd_3", "fnd_0", "fnd_2"]


async def test_a_reconciled_case_keeps_the_urgency_that_it_had(todo: Todo, connection: Connection) -> None:
    await todo.mark([(KEY, Band.CRITICAL)], NOW)
    before = await connection.redis.zrange(WORK_QUEUE, 0, -1, withscores=True)
    await todo.mark_found([(KEY, Band.LOW, {})], NOW)
    assert await connection.redis.zrange(WORK_QUEUE, 0, -1, withscores=True) == before
    assert before[0][1] == NOW * 1000 - (Band.CRITICAL + 1) * BAND_MS


async def test_a_ticket_that_the_store_forgot_is_searched_for_and_a_linked_one_is_not(
    todo: Todo, connection: Connection
) -> None:
    await todo.mark([(KEY, None)], NOW)
    await LeasedLinks(connection, await taken(todo)).link(TICKET)
    await todo.mark_found([(KEY, None, {"jira": {TICKET.id}, "snow": {"2"}})], NOW)
    record = await todo.record(KEY.ref)
    assert record is not None
    assert {name: intent.at for name, intent in record.intents.items()} == {"snow": 0.0}


async def test_a_case_is_found_by_what_people_call_its_ticket(todo: Todo, connection: Connection) -> None:
    await todo.mark([(KEY, None)], NOW)
    await LeasedLinks(connection, await taken(todo)).link(TICKET)
    standings = Standings(connection)
    assert await standings.refs_of_ticket("sec-1", ["snow", "jira"]) == {"jira": KEY.ref}
    assert await standings.refs_of_ticket("SEC-2", ["snow", "jira"]) == {}


async def test_each_stand_of_a_case_is_told_from_the_others(connection: Connection, keyring: Keyring) -> None:
    office, standings = Office(connection, keyring), Standings(connection)

    async def stand() -> Stand:
        (found,) = await standings.of([KEY.ref])
        return found.stand

    assert await standings.of([]) == []
    assert await stand() is Stand.SETTLED, "nobody knows it"
    office.source.troubles.once("finding", TryLater("lakeside", "down"))
    await office.mark()
    assert await stand() is Stand.WAITING
    await office.work()
    assert await stand() is Stand.PUT_OFF
    await office.mark()
    assert await stand() is Stand.WAITING
    await taken(office.context.todo)
    assert await stand() is Stand.HELD
    await connection.redis.delete(f"remedy:lease:{KEY.ref}")
    await office.work()
    assert await stand() is Stand.SETTLED


async def test_a_worker_is_known_to_be_there_while_it_sweeps(todo: Todo, connection: Connection) -> None:
    standings = Standings(connection)
    assert not await standings.anybody_at_work()
    await todo.sweep(NOW)
    assert await standings.anybody_at_work()
    assert 0 < await connection.redis.pttl(SWEPT) <= 15_000


async def test_what_is_due_at_once_is_woken_in_steps_that_keep_redis_busy_for_a_moment_only(
    todo: Todo, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = [CaseKey("lakeside", CaseKind.FINDING, f"fnd_{number}") for number in range(250)]
    await todo.mark([(key, Band.HIGH) for key in keys], NOW)
    for key in keys:
        assert await todo.settle(await taken(todo, key), Memory(), NOW, look_at=NOW + 100)
    run, seen = Connection.run, list[int]()

    async def counted(connection: Connection, name: str, *args: str) -> list[int]:
        answer: list[int] = await run(connection, name, *args)
        if name == "mark_due" or (name == "sweep" and args[0] == "case"):
            seen.append(answer[1])
        return answer

    monkeypatch.setattr(Connection, "run", counted)
    assert (await todo.sweep(NOW + 100))["appointment"] == 250
    assert seen == [100, 100, 50, 0]
    await connection.ask(connection.redis.delete(WORK_QUEUE))
    assert (await todo.sweep(NOW + 200))["case"] == 250
    assert seen[4:] == [0, 100, 100, 50]
