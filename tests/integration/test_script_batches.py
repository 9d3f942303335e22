"""Calls of scripts that wait at the same moment share a message, and nothing else: no error, and no caller's end."""

import asyncio
from typing import Any

import pytest
from redis.asyncio import Redis
from redis.asyncio.client import Pipeline
from redis.exceptions import ResponseError

from remediation.domain.cases.records import CaseKey, CaseKind
from remediation.store.cases.todo import Todo, marks_of
from remediation.store.server.connection import Connection

NOW = 1_800_000_000.0
KEYS = [CaseKey("lakeside", CaseKind.FINDING, f"fnd_{number}") for number in range(100)]


class CountingRedis(Redis):
    """Counts the messages that hold several commands."""

    messages = 0

    def pipeline(self, *args: Any, **options: Any) -> Pipeline:
        self.messages += 1
        return super().pipeline(*args, **options)


@pytest.fixture
async def redis(connection: Connection) -> CountingRedis:
    return CountingRedis(connection_pool=connection.redis.connection_pool)


async def test_calls_of_one_moment_go_in_few_messages_and_each_has_its_answer(redis: CountingRedis) -> None:
    todo = Todo(Connection(redis))
    await asyncio.gather(*(todo.mark([(key, None)], NOW) for key in KEYS))
    assert redis.messages == 2
    leases = await asyncio.gather(*(todo.take(key.ref, NOW) for key in KEYS))
    assert [lease and lease.record.key for lease in leases] == KEYS
    assert redis.messages == 4


async def test_a_call_alone_is_a_command_alone(redis: CountingRedis) -> None:
    await Todo(Connection(redis)).mark([(KEYS[0], None)], NOW)
    assert redis.messages == 0


async def test_a_script_that_fails_does_not_take_its_neighbours_with_it(redis: CountingRedis) -> None:
    connection = Connection(redis)
    todo = Todo(connection)
    marks = marks_of([(KEYS[1], None)])
    calls = (todo.mark([(KEYS[0], None)], NOW), connection.run("mark_cases", "no number", "again", *marks))
    answers = await asyncio.gather(*calls, return_exceptions=True)
    assert answers[0] is None
    assert isinstance(answers[1], ResponseError)
    assert await todo.dirty() == 1


async def test_a_server_that_has_lost_the_scripts_gets_them_again(redis: CountingRedis) -> None:
    todo = Todo(Connection(redis))
    await todo.mark([(KEYS[0], None)], NOW)
    await redis.script_flush()
    await asyncio.gather(*(todo.mark([(key, None)], NOW) for key in KEYS[:5]))
    assert await todo.dirty() == 5


async def test_a_caller_that_stops_waiting_changes_nothing_for_the_others(redis: CountingRedis) -> None:
    todo = Todo(Connection(redis))
    calls = [asyncio.create_task(todo.mark([(key, None)], NOW)) for key in KEYS[:3]]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    calls[1].cancel()
    outcomes = await asyncio.gather(*calls, return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [type(None), asyncio.CancelledError, type(None)]
    assert await todo.dirty() >= 2


def test_calls_in_a_new_event_loop_do_not_wait_for_those_of_one_that_has_ended(redis_url: str) -> None:
    connection = Connection(Redis.from_url(redis_url))

    async def begin_only() -> None:
        call = asyncio.ensure_future(connection.run("mark_cases", int(NOW), "again"))
        await asyncio.sleep(0)
        call.cancel()

    async def whole() -> None:
        async with asyncio.timeout(10):
            await connection.run("mark_cases", int(NOW), "again")
        await connection.redis.aclose()

    asyncio.run(begin_only())
    asyncio.run(whole())
