"""The cases that an earlier version wrote come onto their lists, once, wherever it was interrupted."""

from pathlib import Path
from typing import Any

import pytest
from redis.asyncio import Redis
from structlog.testing import capture_logs

from remediation.domain.cases.records import CaseKey, CaseKind, Memory, key_of_ref
from remediation.domain.errors import StoreRefuses
from remediation.domain.status import Status
from remediation.queue import Band
from remediation.sealing import Keyring
from remediation.store.cases.list_names import CaseState
from remediation.store.cases.lists import CaseFilter, CaseLists, UnlistedCases
from remediation.store.cases.todo import Todo
from remediation.store.keys import CASE, CASES_LISTED, OPEN_CASES, SERVER
from remediation.store.server.connection import Connection
from tests.integration.case_list_sums import assert_lists_agree, sets_of_open_cases
from tests.integration.earlier_stores import GIVEN_UP, PUT_OFF, REFUSED, RESOLVED, STORES, load, rows_of
from tests.integration.offices import Office
from workers.rounds.upkeep import list_earlier_cases

FILES = sorted(STORES.glob("*.json"))
NOW = 1_900_000_000.0
EVERYTHING = CaseFilter()


@pytest.fixture(params=FILES, ids=[path.stem for path in FILES])
async def earlier(connection: Connection, request: pytest.FixtureRequest) -> Connection:
    """A store that an earlier version left."""
    path: Path = request.param
    await load(connection.redis, rows_of(path))
    return connection


async def complete(connection: Connection) -> bool:
    return (await CaseLists(connection).page(EVERYTHING, 1)).is_complete


async def list_all(connection: Connection, keys: int = 5) -> int:
    """In how many steps."""
    for step in range(1, 1_000):
        if await UnlistedCases(connection).list_some(NOW, keys):
            return step
    raise AssertionError("it comes to no end")


async def test_all_of_them_are_listed_where_they_belong(earlier: Connection) -> None:
    assert await list_all(earlier) > 3
    await assert_lists_agree(earlier)
    assert await complete(earlier)
    cases = {each.ref: each for each in (await CaseLists(earlier).page(EVERYTHING, 100)).cases}
    assert CaseState.PARKED in cases[REFUSED.ref].states
    assert CaseState.PARKED not in cases[GIVEN_UP.ref].states
    assert cases[PUT_OFF.ref].states == (CaseState.PUT_OFF,)
    assert cases[RESOLVED.ref].trackers == ("jira", "snow")
    assert all(each.changed_at < NOW for each in cases.values()), "they changed when they were told of last"


async def test_until_then_a_page_says_that_cases_may_be_missing(earlier: Connection) -> None:
    await UnlistedCases(earlier).list_some(NOW, 1)
    assert not await complete(earlier)


async def test_a_change_meanwhile_is_listed_by_the_look_and_by_nobody_else(earlier: Connection) -> None:
    todo = Todo(earlier)
    await UnlistedCases(earlier).list_some(NOW, 1)
    await todo.mark([(RESOLVED, Band.HIGH)], NOW)
    lease = await todo.take(RESOLVED.ref, NOW)
    assert lease is not None
    await todo.settle(lease, Memory(rule="another"), NOW)
    await list_all(earlier)
    await assert_lists_agree(earlier)
    (newest,) = (await CaseLists(earlier).page(EVERYTHING, 1)).cases
    assert (newest.ref, newest.rule) == (RESOLVED.ref, "another")


async def listed_without_open(connection: Connection) -> list[str]:
    """Leave all listed as a version did that kept no sets of open cases. Returns the references of those."""
    await list_all(connection)
    found = await sets_of_open_cases(connection)
    await connection.redis.delete(*[key.decode() for key in await connection.redis.keys(OPEN_CASES + "*")])
    await connection.ask(connection.redis.hdel(CASES_LISTED, "open_at"))
    return sorted(found)


async def test_what_an_earlier_version_listed_is_noted_as_open(earlier: Connection) -> None:
    assert await listed_without_open(earlier)
    assert await complete(earlier)
    assert await list_all(earlier) > 3
    await assert_lists_agree(earlier)
    assert await UnlistedCases(earlier).list_some(NOW)


async def test_what_is_written_meanwhile_says_itself_whether_it_is_open(
    earlier: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    ref, *_ = await listed_without_open(earlier)
    todo, run, key = Todo(earlier), earlier.run, key_of_ref(ref)
    assert key is not None

    async def late(name: str, *args: str | bytes | float) -> Any:
        if name == "list_earlier" and ref in args:
            await todo.mark([(key, Band.HIGH)], NOW)
            lease = await todo.take(ref, NOW)
            assert lease is not None
            await todo.settle(lease, Memory(Status.RESOLVED), NOW)
        return await run(name, *args)

    monkeypatch.setattr(earlier, "run", late)
    await list_all(earlier)
    monkeypatch.undo()
    await assert_lists_agree(earlier)


async def test_another_server_is_gone_through_from_the_beginning(earlier: Connection) -> None:
    unlisted = UnlistedCases(earlier)
    await unlisted.list_some(NOW, 1)
    await unlisted.list_some(NOW, 1)
    assert await earlier.ask(earlier.redis.hget(CASES_LISTED, "cursor")) != b"0"
    await earlier.ask(earlier.redis.hset(CASES_LISTED, "server", "of-a-server-that-is-gone"))
    assert [int(part) if part == b"0" else part for part in await earlier.run("list_cursor", int(NOW * 1000))] == [
        0,
        await earlier.redis.get(SERVER),
    ]
    await list_all(earlier)
    await assert_lists_agree(earlier)


async def test_of_two_at_once_one_is_in_vain(earlier: Connection) -> None:
    cursor, server = await earlier.run("list_cursor", int(NOW * 1000))
    assert await earlier.run("list_earlier", int(NOW * 1000), cursor, server, "7") == 1
    assert await earlier.run("list_earlier", int(NOW * 1000), cursor, server, "9") == 0
    assert await earlier.ask(earlier.redis.hget(CASES_LISTED, "cursor")) == b"7"


async def test_a_row_that_is_no_case_or_cannot_be_read_is_left_out(connection: Connection) -> None:
    await connection.ask(connection.redis.hset(f"{CASE}lakeside:finding:fnd_1", "wakes", "1"))
    await connection.ask(connection.redis.hset(f"{CASE}lakeside:finding:fnd_2", mapping={"id": "fnd_2", "memory": "{"}))
    await list_all(connection)
    assert (await CaseLists(connection).page(EVERYTHING, 10)).cases == ()


async def test_a_worker_lists_them_in_rounds_and_says_where_it_may_not(
    earlier: Connection, keyring: Keyring, monkeypatch: pytest.MonkeyPatch
) -> None:
    office = Office(earlier, keyring)
    with monkeypatch.context() as patched:

        async def refused(_: Redis, *__: Any, **___: Any) -> None:
            raise StoreRefuses("our user may not do all that is needed", "rights")

        patched.setattr(Redis, "scan", refused)
        with capture_logs() as lines:
            await list_earlier_cases(office.arq_context)
    assert [(line["event"], line["reason"]) for line in lines] == [("cases_not_listed", "rights")]
    await list_earlier_cases(office.arq_context)
    await assert_lists_agree(earlier)
    assert await complete(earlier)


async def test_a_case_of_an_earlier_version_is_listed_by_its_next_look(connection: Connection) -> None:
    """Where nobody may list them all, and where an earlier version runs beside this one."""
    key = CaseKey("lakeside", CaseKind.FINDING, "fnd_1")
    await connection.ask(
        connection.redis.hset(CASE + key.ref, mapping={"id": key.id, "memory": '{"finding": null, "tickets": {}}'})
    )
    todo = Todo(connection)
    await todo.mark([(key, Band.HIGH)], NOW)
    assert (await CaseLists(connection).page(EVERYTHING, 10)).cases == ()
    lease = await todo.take(key.ref, NOW)
    assert lease is not None
    await todo.settle(lease, Memory(rule="severe"), NOW)
    (case,) = (await CaseLists(connection).page(EVERYTHING, 10)).cases
    assert case.rule == "severe"
