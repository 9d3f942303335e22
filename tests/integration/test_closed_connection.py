"""A connection that was closed just before something is written to it, by the server or by us."""

import asyncio

import pytest
import uvloop
from redis.asyncio import Redis

from remediation.domain.errors import StoreUnavailable
from remediation.redis_address import RedisAddress
from remediation.store.server.connection import Connection, cancel_until_done, open_pool, passing_errors


def test_the_next_request_dials_anew(redis_url: str) -> None:
    async def play() -> None:
        pool = open_pool(RedisAddress.parse(redis_url), socket_timeout=5.0, retries=1)
        connection = Connection(Redis(connection_pool=pool))
        try:
            await connection.ask(connection.redis.ping())
            for idle in pool._available_connections:
                writer = idle._writer
                assert writer is not None
                writer.transport.abort()
            assert await connection.ask(connection.redis.ping())
        finally:
            await pool.aclose()

    uvloop.run(play())


async def test_commands_are_answered_while_idle_connections_are_closed(redis_url: str) -> None:
    """As a readiness probe does where Redis is a replica, while deliveries come in."""
    pool = open_pool(RedisAddress.parse(redis_url), socket_timeout=5, retries=0)
    connection = Connection(Redis(connection_pool=pool))
    rounds = 300

    async def asking(name: str) -> None:
        for each in range(rounds):
            told = f"{name} {each}"
            assert await connection.ask(connection.redis.echo(told)) == told.encode()
            await asyncio.sleep(0)

    async def redialing() -> None:
        for _ in range(rounds):
            await connection.redial()
            await asyncio.sleep(0.0005)

    try:
        await asyncio.gather(*(asking(name) for name in "abcd"), redialing())
    finally:
        await connection.redis.connection_pool.aclose()


def test_one_that_stays_closed_is_a_store_that_is_away() -> None:
    with pytest.raises(StoreUnavailable), passing_errors():
        raise RuntimeError("unable to perform operation on <UnixTransport closed=True>; the handler is closed")


def test_any_other_such_error_is_a_defect_of_ours() -> None:
    with pytest.raises(RuntimeError, match="something else"), passing_errors():
        raise RuntimeError("something else")


async def test_a_task_ends_that_forgets_a_cancellation() -> None:
    """As `asyncio.wait_for` of Python 3.11 makes one do whose result comes at the same moment."""
    forgotten = 0

    async def forgetful() -> None:
        nonlocal forgotten
        while True:
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                forgotten += 1
                if forgotten > 2:
                    raise

    task = asyncio.create_task(forgetful())
    await asyncio.sleep(0)
    await asyncio.wait_for(cancel_until_done(task), 5)
    assert (task.cancelled(), forgotten) == (True, 3)
