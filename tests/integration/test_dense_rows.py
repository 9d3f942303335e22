"""A case's row at rest is dense, whatever it had to hold meanwhile, and what is in it comes back as it was."""

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from remediation.domain.cases.records import Link, Memory
from remediation.domain.status import Status
from remediation.domain.tickets import Reason, TicketState
from remediation.queue import Band
from remediation.sealing import Keyring
from remediation.store.cases.todo import Lease, Todo
from remediation.store.keys import CASE
from remediation.store.server.connection import Connection
from tests.examples import examples
from tests.integration.offices import KEY, Office

ORIGIN = f"{'1' * 32} 00-{'2' * 32}-{'3' * 16}-01"
"""Of a delivery that another service traces: longer than what a dense row may hold."""

NOW = 1_800_000_000.0
MOST_BYTES = 512
"""Of a row at rest with two tickets, its key included."""


async def _taken(todo: Todo) -> Lease:
    await todo.mark([(KEY, Band.LOW)], NOW)
    lease = await todo.take(KEY.ref, NOW)
    assert lease is not None
    return lease


async def _row(office: Office) -> dict[bytes, bytes]:
    row: dict[bytes, bytes] = await office.connection.ask(office.redis.hgetall(CASE + KEY.ref))
    return row


async def _encoding(connection: Connection) -> Any:
    return await connection.ask(connection.redis.object("ENCODING", CASE + KEY.ref))


@settings(examples(25), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(texts=st.lists(st.text(max_size=400), min_size=1, max_size=4))
async def test_the_pieces_that_the_script_makes_are_those_that_are_read(
    connection: Connection, texts: list[str]
) -> None:
    await connection.redis.flushall()
    todo = Todo(connection)
    for number, text in enumerate(texts):
        memory = Memory(Status.REVIEWING, {"jira": TicketState.OPEN}, left_over={"jira": text})
        lease = await _taken(todo)
        if number % 2:
            assert await todo.remember(lease, memory)
            record = await todo.record(KEY.ref)
            assert record is not None
            assert record.memory == memory
        assert await todo.settle(lease, memory, NOW)
        record = await todo.record(KEY.ref)
        assert record is not None
        assert record.memory == memory
        assert await _encoding(connection) == b"listpack"


async def test_a_row_that_held_something_long_is_dense_again_at_rest(connection: Connection, keyring: Keyring) -> None:
    office = Office(connection, keyring)
    await office.look()
    await connection.ask(connection.redis.hset(CASE + KEY.ref, "origin:0", ORIGIN))
    assert await _encoding(connection) == b"hashtable"
    await office.look()
    assert await _encoding(connection) == b"listpack"
    assert {b"wake", b"cause", b"marked_at", b"origin:0"}.isdisjoint(await _row(office))
    assert int(await connection.redis.memory_usage(CASE + KEY.ref, samples=0) or 0) <= MOST_BYTES


async def test_a_row_with_a_great_many_fields_is_left_as_it_is(connection: Connection, keyring: Keyring) -> None:
    office = Office(connection, keyring)
    await office.look()
    members = {f"member:fnd_{number}": "1" for number in range(10_000)}
    await connection.ask(connection.redis.hset(CASE + KEY.ref, mapping=members))
    await office.look()
    assert members.keys() <= {name.decode() for name in await _row(office)}


@pytest.mark.parametrize("is_tied", [True, False])
async def test_a_row_of_the_version_before_is_read_and_written_anew_when_it_is_taken(
    connection: Connection, *, is_tied: bool
) -> None:
    url = "https://jira.example/browse/SEC-1"
    more = {"ticket": "10001" if is_tied else "10000", "created": 5.25, "site": "https://jira.example", "born": 6000}
    memory = {"finding": "reviewing", "tickets": {"jira": "open"}, "closings": {"jira": ["fixed", "Done", None]}}
    row = {
        "id": KEY.id,
        "memory": json.dumps(memory),
        "link:jira": json.dumps(["10001", "SEC-1", url]),
        "tie:jira": json.dumps(more),
        "wake": f"look_at_case:{KEY.ref}:3",
        "wakes": "3",
    }
    await connection.ask(connection.redis.hset(CASE + KEY.ref, mapping=row))
    link = Link("jira", "10001", "SEC-1", url)
    if is_tied:
        link = Link("jira", "10001", "SEC-1", url, created=5.25, site="https://jira.example", born=6.0)
    todo = Todo(connection)
    before = await todo.record(KEY.ref)
    lease = await _taken(todo)
    after = await todo.record(KEY.ref)
    assert before is not None
    assert after is not None
    assert before.links == after.links == lease.record.links == {"jira": link}
    assert before.memory == after.memory
    assert before.memory.closings["jira"].reason is Reason.FIXED
    assert json.loads(await connection.ask(connection.redis.hget(CASE + KEY.ref, "link:jira")) or "") == [
        "10001",
        "SEC-1",
    ]
    assert await todo.settle(lease, after.memory, NOW)
    assert await _encoding(connection) == b"listpack"
    settled = await todo.record(KEY.ref)
    assert settled is not None
    assert (settled.links, settled.memory) == (before.links, before.memory)
