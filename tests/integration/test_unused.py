"""Names on a real Valkey: what nothing uses any more is forgotten, and nothing that a case still needs."""

from dataclasses import replace

import pytest

from remediation.sealing import Keyring
from remediation.store.data_keys import key_times
from remediation.store.deliveries.signing import SignedTimes, read_signed_times
from remediation.store.keys import CASE, CURSOR, DISTRICTS, FORGETTING, SITE, TRACKERS
from remediation.store.processes import Process, Processes
from remediation.store.server.connection import Connection
from remediation.store.unused import Unused
from tests.integration.indexed import in_index, known_version
from tests.integration.offices import KEY, Office
from workers.rounds.expiring import forget_unused
from workers.rounds.polls import poll_trackers
from workers.rounds.upkeep import note_districts, sweep

DAY = 86_400.0
FIVE_HUNDRED = 500 * DAY


@pytest.fixture
async def office(connection: Connection, keyring: Keyring) -> Office:
    """A case with tickets in both trackers, of which Jira is not named any more from then on."""
    office = Office(connection, keyring)
    await office.look()
    await poll_trackers(office.arq_context)
    for each in (sweep, note_districts):
        await each(office.arq_context)
    office.context = replace(office.context, trackers={"snow": office.snow})
    return office


async def trackers(office: Office) -> set[str]:
    return {name.decode() for name in await office.connection.ask(office.redis.hkeys(TRACKERS))}


async def days_pass(office: Office, days: float) -> None:
    office.clock.pass_by(days * DAY)
    for each in (sweep, note_districts, forget_unused):
        await each(office.arq_context)


async def test_a_tracker_that_is_not_named_stays_for_as_long_as_a_case_has_a_ticket_there(office: Office) -> None:
    await days_pass(office, 500)
    assert await trackers(office) == {"snow", "jira"}
    await office.connection.ask(office.redis.delete(CASE + KEY.ref))
    await Unused(office.connection).trim_indexes(office.clock(), 9)
    await days_pass(office, 1)
    assert await trackers(office) == {"snow"}
    assert await office.redis.exists(f"{SITE}jira", f"{CURSOR}jira") == 0


async def test_a_tracker_that_was_named_lately_stays(office: Office) -> None:
    await office.connection.ask(office.redis.delete(CASE + KEY.ref))
    await Unused(office.connection).trim_indexes(office.clock(), 9)
    await days_pass(office, 399)
    assert await trackers(office) == {"snow", "jira"}


async def test_a_district_that_is_not_named_stays_for_as_long_as_it_has_a_case(office: Office) -> None:
    await SignedTimes(office.connection).note("lakeside", office.clock(), "secret-1")
    office.context = replace(office.context, sources={})
    await days_pass(office, 1)
    await days_pass(office, 500)
    assert await office.connection.ask(office.redis.hkeys(DISTRICTS)) == [b"lakeside"]
    await office.connection.ask(office.redis.flushall())
    await office.connection.ask(office.redis.hset(DISTRICTS, "lakeside", str(int(office.clock() * 1000))))
    await days_pass(office, 1)
    await SignedTimes(office.connection).note("lakeside", office.clock(), "secret-1")
    await days_pass(office, 398)
    assert await office.connection.ask(office.redis.hkeys(DISTRICTS)) == [b"lakeside"]
    assert len(await read_signed_times(office.connection)) == 1
    await days_pass(office, 2)
    assert await office.connection.ask(office.redis.hkeys(DISTRICTS)) == []
    assert await read_signed_times(office.connection) == []


async def test_a_data_key_that_comes_back_counts_anew(office: Office) -> None:
    processes = Processes(office.connection)

    async def report(keys: str) -> None:
        await processes.tell(Process("pod/1", "worker", "1", 0.0, keys=keys), office.clock())
        await days_pass(office, 0.01)

    await report("k1,k2")
    await report("k1")
    office.clock.pass_by(300 * DAY)
    await report("k1,k2")
    await report("k1")
    office.clock.pass_by(300 * DAY)
    await report("k1")
    assert (await key_times(office.connection)).keys() == {"k1", "k2"}
    office.clock.pass_by(101 * DAY)
    await report("k1")
    assert (await key_times(office.connection)).keys() == {"k1"}


async def test_where_the_tickets_of_living_cases_are_found_stays(office: Office) -> None:
    """In an index of many buckets; what leads to no case goes out of it."""
    lines = """
        for i = 1, 600 do
          local ref = i % 3 == 0 and 'lakeside:finding:fnd_1' or 'lakeside:finding:gone_' .. i
          index_ticket('jira', 't' .. i, ref)
          index_key('jira', 'OPS-' .. i, 't' .. i)
          know_version('jira', 't' .. i, '2027')
        end
        return count_of_tickets('jira')"""
    assert await in_index(office.connection, lines) == 601
    unused = Unused(office.connection)
    for _ in range(20):
        await unused.trim_indexes(office.clock(), 1)
    assert await in_index(office.connection, "return count_of_tickets('jira')") == 201
    found = await office.context.todo.keys_of_tickets("jira", ["t3", "t4", office.jira.of(KEY.mark)[0].id])
    assert found == [KEY, None, KEY]
    keys = "return {case_of_key('jira', 'ops-3') or '', case_of_key('jira', 'ops-4') or ''}"
    assert await in_index(office.connection, keys) == [KEY.ref.encode(), b""]
    assert [await known_version(office.connection, "jira", each) for each in ("t3", "t4")] == ["2027", ""]
    assert await office.connection.ask(office.redis.hget(FORGETTING, "bucket:jira")) is None


async def test_a_list_of_changes_that_an_earlier_version_read_gets_an_end(office: Office) -> None:
    await office.redis.persist(f"{CURSOR}jira")
    await days_pass(office, 0)
    assert await office.redis.ttl(f"{CURSOR}jira") > 399 * DAY
    await office.redis.pexpire(f"{CURSOR}jira", 1_000)
    await days_pass(office, 1)
    assert await office.redis.ttl(f"{CURSOR}jira") <= 1, "only once: whoever reads it gives it its time"
