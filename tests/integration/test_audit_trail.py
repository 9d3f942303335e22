"""The audit on a real Valkey: no line is lost and none written twice, whoever chains, and each bend shows."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from remediation.domain.cases.records import CaseKey, CaseKind, Memory
from remediation.domain.errors import Refused
from remediation.domain.status import Status
from remediation.operations.examining.codes import Code
from remediation.read_model.status.levels import Level
from remediation.sealing import Keyring, generate_key
from remediation.store.audit.chain import AuditKeys, waiting
from remediation.store.audit.entries import AuditAct, AuditEntry, Beginning
from remediation.store.audit.trail import AuditTrail
from remediation.store.audit.verifying import BendKind
from remediation.store.audit.written_out import WrittenOut
from remediation.store.cases.todo import Lease, Todo
from remediation.store.deliveries.parked import ParkedKind, ParkedWork
from remediation.store.keys import AUDIT_BENDS, AUDIT_HEAD, AUDIT_TRAIL, AUDIT_WAITING, CASE, CASE_LISTS
from remediation.store.server.connection import Connection
from remedy.doctor.stored.audit import audit_of, look_at_audit

NOW = 1_800_000_000.0
DAY = 86_400.0
KEY = CaseKey("lakeside", CaseKind.FINDING, "fnd_1")
MEMORY = Memory(Status.REVIEWING, {})


@pytest.fixture
def trail(connection: Connection, keyring: Keyring) -> AuditTrail:
    return AuditTrail.sealed_by(connection, keyring)


def entry(number: int, at: float = NOW) -> AuditEntry:
    return AuditEntry(AuditAct.REPLAYED, int(at * 1000), piece=f"lakeside:finding:fnd_{number}/look", by="priya")


async def pieces(trail: AuditTrail) -> list[str]:
    return [line.entry.piece or line.entry.act for line in [each async for each in trail.lines()]]


async def waiting_lines(trail: AuditTrail) -> int:
    return (await trail.glance()).waits.count


async def filled(trail: AuditTrail, count: int = 9) -> None:
    await trail.note([entry(number) for number in range(count)], NOW)


async def test_what_is_noted_is_chained_in_order_and_once(trail: AuditTrail) -> None:
    await filled(trail, 3)
    await trail.chain(NOW)
    assert await pieces(trail) == ["chain_began", *(f"lakeside:finding:fnd_{number}/look" for number in range(3))]
    verdict = await trail.verify()
    assert verdict.is_whole
    assert (verdict.stretches[0].why, verdict.stretches[0].last) == (Beginning.EMPTY, 4)
    assert await waiting_lines(trail) == 0


async def test_many_who_chain_at_once_write_each_line_once(connection: Connection, keyring: Keyring) -> None:
    trails = [AuditTrail.sealed_by(connection, keyring) for _ in range(5)]
    await asyncio.gather(*(trail.note([entry(number)], NOW) for number, trail in enumerate(trails * 4)))
    await trails[0].chain(NOW)
    assert len(set(await pieces(trails[0]))) == 21
    assert (await trails[0].verify()).is_whole


async def test_more_than_one_script_takes_is_chained_whole(trail: AuditTrail) -> None:
    await filled(trail, 450)
    assert (await trail.verify()).stretches[0].last == 451


async def test_a_command_whose_answer_was_lost_is_noted_once(connection: Connection, trail: AuditTrail) -> None:
    lines = [waiting(entry(1), trail.keys)]
    for _ in range(2):
        await connection.run("note_audit", "id", 1_000, *lines)
    assert await waiting_lines(trail) == 1


async def taken(todo: Todo) -> Lease:
    await todo.mark([(KEY, None)], NOW)
    lease = await todo.take(KEY.ref, NOW)
    assert lease is not None
    return lease


async def test_a_look_adds_its_line_with_what_it_remembers(connection: Connection, trail: AuditTrail) -> None:
    todo, line = Todo(connection), waiting(entry(1), trail.keys)
    lease = await taken(todo)
    assert await todo.settle(lease, MEMORY, NOW, audit=line)
    assert not await todo.settle(lease, MEMORY, NOW, audit=line)  # the answer was lost, and it was sent again
    assert await waiting_lines(trail) == 1


async def test_a_look_that_is_put_off_adds_its_line_once(connection: Connection, trail: AuditTrail) -> None:
    todo, line = Todo(connection), waiting(entry(1), trail.keys)
    lease = await taken(todo)
    for _ in range(2):
        assert await todo.remember(lease, MEMORY, line)
    assert await waiting_lines(trail) == 1
    await todo.put_off(lease, NOW + 5, NOW)
    assert "audited" not in await fields_of(connection)


async def fields_of(connection: Connection) -> set[str]:
    return {name.decode() for name in await connection.ask(connection.redis.hkeys(CASE + KEY.ref))}


async def test_a_look_that_has_lost_its_lease_adds_nothing(connection: Connection, trail: AuditTrail) -> None:
    todo, line = Todo(connection), waiting(entry(1), trail.keys)
    lease = await taken(todo)
    await todo.settle(lease, MEMORY, NOW)
    assert not await todo.remember(lease, MEMORY, line)
    assert await waiting_lines(trail) == 0


async def test_each_piece_that_is_taken_up_again_has_a_line(
    connection: Connection, trail: AuditTrail, keyring: Keyring
) -> None:
    work = ParkedWork(connection, keyring)
    name = await work.park(ParkedKind.CASE, KEY.ref, Refused("jira", "no"), NOW, district="lakeside", action="look")
    line = waiting(entry(1), trail.keys)
    for _ in range(2):
        await work.replay(name, NOW, audit=line)
    assert await waiting_lines(trail) == 1


async def test_the_beginning_is_deleted_when_its_time_is_over_and_all_is_whole(trail: AuditTrail) -> None:
    for day in range(10):
        await trail.note([entry(day, NOW + day * DAY)], NOW + day * DAY)
    now = NOW + 10 * DAY
    assert await trail.trim(NOW + 5 * DAY, now) == 6
    assert await trail.trim(NOW + 5 * DAY, now) == 0
    verdict = await trail.verify()
    assert verdict.is_whole
    assert (verdict.stretches[0].first, verdict.stretches[0].last) == (7, 12)
    assert await trail.trim(now + DAY, now + 2 * DAY) > 0
    assert (await trail.verify()).is_whole


async def cut_the_end(connection: Connection) -> None:
    places = await connection.redis.xrevrange(AUDIT_TRAIL, count=2)
    await connection.redis.xdel(AUDIT_TRAIL, *(place for place, _ in places))


async def remove_one(connection: Connection) -> None:
    (*_, (place, _)) = await connection.redis.xrange(AUDIT_TRAIL, count=4)
    await connection.redis.xdel(AUDIT_TRAIL, place)


async def change_one(connection: Connection) -> None:
    """A stream is written anew from its first line on, with one text in another's place."""
    rows = await connection.redis.xrange(AUDIT_TRAIL)
    await connection.redis.delete(AUDIT_TRAIL)
    for number, (place, fields) in enumerate(rows):
        await connection.redis.xadd(AUDIT_TRAIL, rows[7][1] if number == 4 else fields, id=place)


async def cut_the_beginning(connection: Connection) -> None:
    await connection.redis.xtrim(AUDIT_TRAIL, maxlen=5, approximate=False)


async def double_one(connection: Connection) -> None:
    """One line again, behind the last one."""
    rows = await connection.redis.xrange(AUDIT_TRAIL)
    chain = rows[0][0].partition(b"-")[0]
    await connection.redis.xadd(AUDIT_TRAIL, rows[4][1], id=b"%s-%d" % (chain, len(rows) + 1))


@pytest.mark.parametrize(
    ("bend", "kinds"),
    [
        (change_one, {BendKind.CHANGED, BendKind.REPEATED}),
        (remove_one, {BendKind.MISSING}),
        (cut_the_end, {BendKind.END_CUT}),
        (cut_the_beginning, {BendKind.BEGINNING_CUT}),
        (double_one, {BendKind.CHANGED, BendKind.HEAD_BEHIND, BendKind.REPEATED}),
        (lambda connection: connection.redis.delete(AUDIT_TRAIL), {BendKind.DELETED}),
        (lambda connection: connection.redis.delete(AUDIT_HEAD), {BendKind.HEAD_MISSING}),
        (lambda connection: connection.redis.set(AUDIT_HEAD, "1:2:k:00:00"), {BendKind.CHANGED, BendKind.HEAD_BEHIND}),
        (lambda connection: connection.redis.set(AUDIT_HEAD, "nonsense"), {BendKind.HEAD_UNPROVEN}),
    ],
)
async def test_a_bend_in_redis_shows(
    bend: Callable[[Connection], Awaitable[object]], kinds: set[str], connection: Connection, trail: AuditTrail
) -> None:
    await filled(trail)
    await bend(connection)
    found = {each.kind for each in (await trail.verify()).bends}
    assert found
    assert found <= kinds
    # What comes then is written down, and the bend still shows.
    await trail.note([entry(100)], NOW + 60)
    assert not (await trail.verify()).is_whole
    assert "lakeside:finding:fnd_100/look" in await pieces(trail)


async def test_a_trail_that_was_deleted_with_its_head_is_told_where_there_are_cases(
    connection: Connection, trail: AuditTrail
) -> None:
    await filled(trail)
    await connection.ask(connection.redis.hset(CASE_LISTS, "all", "1"))
    await connection.redis.delete(AUDIT_HEAD, AUDIT_TRAIL)
    assert [bend.kind for bend in (await trail.verify()).bends] == [BendKind.HEAD_MISSING]
    await trail.chain(NOW)
    assert (await trail.verify()).stretches[0].why == Beginning.IN_USE


async def test_a_wiped_redis_begins_a_new_chain(connection: Connection, trail: AuditTrail) -> None:
    await filled(trail)
    told = WrittenOut({(line.chain, line.number): line.proof async for line in trail.lines()})
    await connection.redis.flushall()
    await trail.note([entry(1)], NOW + 60)
    assert (await trail.verify()).is_whole
    (bend,) = (await trail.verify(told)).bends
    assert (bend.kind, bend.number, bend.until) == (BendKind.WIPED, 1, 10)


async def test_a_process_without_the_key_leaves_the_trail_to_others(connection: Connection, keyring: Keyring) -> None:
    """Unless nobody has it any more: then a new chain begins, and what waited is in it."""
    trail, other = (
        AuditTrail.sealed_by(connection, keyring),
        AuditTrail(connection, AuditKeys(Keyring.parse(generate_key()))),
    )
    await filled(trail, 2)
    await connection.run("note_audit", "id", 1_000, waiting(entry(7), other.keys))
    seconds, _ = await connection.redis.time()
    assert (await other.chain(float(seconds))).added == 0
    assert await waiting_lines(trail) == 1
    assert (await other.chain(seconds + 700.0)).added == 1
    verdict = await other.verify()
    assert [bend.kind for bend in verdict.bends] == [BendKind.BROKEN_OFF]  # nobody can say how far it went before
    assert (verdict.stretches[1].why, verdict.unknown_keys) == (Beginning.KEY_MISSING, {trail.keys.first: 3})


async def test_a_key_may_be_replaced_while_lines_are_written(connection: Connection, keyring: Keyring) -> None:
    first, second = generate_key(), generate_key()
    for number, keys in enumerate((first, f"{first},{second}", f"{second},{first}")):
        await AuditTrail.sealed_by(connection, Keyring.parse(keys)).note([entry(number)], NOW)
    assert (await AuditTrail.sealed_by(connection, Keyring.parse(f"{second},{first}")).verify()).is_whole


async def test_what_somebody_without_a_key_writes_is_told(connection: Connection, trail: AuditTrail) -> None:
    await filled(trail)
    await connection.redis.xadd(AUDIT_WAITING, {"l": waiting(entry(1), trail.keys).replace(b"priya", b"peter")})
    await trail.chain(NOW)
    assert [bend.kind for bend in (await trail.verify()).bends] == [BendKind.FORGED]


async def test_a_glance_sees_an_end_that_was_cut_and_what_waits(connection: Connection, trail: AuditTrail) -> None:
    assert audit_of(await trail.glance(), NOW).severity is Level.OK
    await filled(trail)
    assert audit_of(await trail.glance(), NOW).says.startswith("ends with line 10")
    await connection.run("note_audit", "id", 1_000, waiting(entry(1), trail.keys))
    seconds, _ = await connection.redis.time()
    assert audit_of(await trail.glance(), float(seconds)).severity is Level.OK
    assert audit_of(await trail.glance(), seconds + 90.0).code == Code.AUDIT_WAITS
    await cut_the_end(connection)
    assert audit_of(await trail.glance(), float(seconds)).code == Code.AUDIT_BENT


@pytest.mark.parametrize(
    ("bend", "kinds"),
    [
        (cut_the_end, {BendKind.END_CUT}),
        (double_one, {BendKind.HEAD_BEHIND, BendKind.BROKEN_OFF}),
        (lambda connection: connection.redis.delete(AUDIT_TRAIL), {BendKind.DELETED}),
        (lambda connection: connection.redis.delete(AUDIT_HEAD), {BendKind.BROKEN_OFF}),
        (lambda connection: connection.redis.set(AUDIT_HEAD, "nonsense"), {BendKind.BROKEN_OFF}),
        (lambda connection: connection.redis.flushall(), {BendKind.WIPED}),
    ],
)
async def test_whoever_chains_meets_a_bend_at_the_end_once(
    bend: Callable[[Connection], Awaitable[object]], kinds: set[str], connection: Connection, trail: AuditTrail
) -> None:
    await filled(trail)
    assert (await trail.chain(NOW)).bends == ()
    await bend(connection)
    found: list[BendKind] = []
    for _ in range(3):
        found += (await trail.chain(NOW + 60)).bends
    await trail.note([entry(100)], NOW + 60)
    found += (await trail.chain(NOW + 60)).bends
    met_by_note = {BendKind.BROKEN_OFF} if bend is double_one else set()  # the first line comes to stand there
    assert sorted(found) == sorted(kinds - met_by_note)
    told = (await trail.glance()).bends
    assert told == dict.fromkeys(kinds, NOW + 60)
    assert 0 < await connection.redis.ttl(AUDIT_BENDS) <= 30 * DAY


async def test_an_earlier_state_of_the_trail_that_was_put_back_is_met(
    connection: Connection, trail: AuditTrail
) -> None:
    await filled(trail, 3)
    head = await connection.redis.get(AUDIT_HEAD)
    await trail.note([entry(number) for number in (4, 5)], NOW)
    await connection.redis.xtrim(AUDIT_TRAIL, maxlen=6, approximate=False)
    for place, _ in await connection.redis.xrevrange(AUDIT_TRAIL, count=2):
        await connection.redis.xdel(AUDIT_TRAIL, place)
    await connection.redis.set(AUDIT_HEAD, head)
    news = await trail.chain(NOW)
    assert (news.bends, news.lost) == ((BendKind.END_CUT,), 2)
    assert (await trail.chain(NOW)).bends == ()


async def test_a_wiped_redis_is_met_also_where_somebody_else_began_the_new_chain(
    connection: Connection, keyring: Keyring, trail: AuditTrail
) -> None:
    await filled(trail, 3)
    await connection.redis.flushall()
    await AuditTrail.sealed_by(connection, keyring).note([entry(4)], NOW + 60)
    assert (await trail.chain(NOW + 60)).bends == (BendKind.WIPED,)
    assert (await trail.chain(NOW + 60)).bends == ()


async def test_many_who_chain_at_once_meet_no_bend(connection: Connection, keyring: Keyring) -> None:
    """Some in one process, and some in others."""
    trails = [AuditTrail.sealed_by(connection, keyring) for _ in range(2)]

    async def noted(number: int) -> tuple[BendKind, ...]:
        trail = trails[number % 2]
        await connection.run("note_audit", f"id-{number}", 1_000, waiting(entry(number), trail.keys))
        return (await trail.chain(NOW)).bends

    assert await asyncio.gather(*(noted(number) for number in range(40))) == [()] * 40


async def test_doctor_tells_of_a_bend_that_was_met(connection: Connection, keyring: Keyring, trail: AuditTrail) -> None:
    await filled(trail)
    await cut_the_end(connection)
    await trail.note([entry(100)], NOW)
    ends, met = await look_at_audit(connection, keyring, NOW + 7_200)
    assert (ends.severity, met.code) == (Level.OK, Code.AUDIT_MET_BENT)
    assert "(end_cut)" in met.says


async def test_doctor_names_a_key_without_which_lines_cannot_be_proven(
    connection: Connection, keyring: Keyring, trail: AuditTrail
) -> None:
    await filled(trail, 100)
    assert [each.code for each in await look_at_audit(connection, keyring, NOW)] == [""]
    other = Keyring.parse(generate_key())
    met = await look_at_audit(connection, other, NOW)
    assert [each.code for each in met[1:]] == [Code.AUDIT_UNPROVEN]
    assert trail.keys.first in met[1].says
