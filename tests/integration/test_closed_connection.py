"""A connection that was closed just before something is written to it: uvloop tells of it in an error of its own."""

import pytest
import uvloop
from redis.asyncio import Redis

from remediation.errors import StoreUnavailable
from remediation.store.connection import Connection, open_pool, passing_errors


def test_the_next_request_dials_anew(redis_url: str) -> None:
    async def play() -> None:
        pool = open_pool(redis_url, socket_timeout=5.0, retries=1)
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


def test_one_that_stays_closed_is_a_store_that_is_away() -> None:
    with pytest.raises(StoreUnavailable), passing_errors():
        raise RuntimeError("unable to perform operation on <UnixTransport closed=True>; the handler is closed")


def test_any_other_such_error_is_a_defect_of_ours() -> None:
    with pytest.raises(RuntimeError, match="something else"), passing_errors():
        raise RuntimeError("something else")
