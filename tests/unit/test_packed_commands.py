"""Commands for Redis are packed by hiredis, and come out as redis-py's own packing writes them."""

from hypothesis import given
from hypothesis import strategies as st
from redis.asyncio.connection import Connection

from remediation.redis_address import RedisAddress
from remediation.store.server.connection import open_pool

arguments = st.text() | st.binary(max_size=9_000) | st.integers() | st.floats(allow_nan=False)


@given(name=st.sampled_from(["EVALSHA", "CONFIG GET", b"SET"]), given_with=st.lists(arguments, max_size=6))
def test_a_command_is_packed_as_redis_py_packs_it(name: str | bytes, given_with: list[str | bytes | float]) -> None:
    for address in ("redis://127.0.0.1:6379/0", "unix:///run/redis.sock"):
        pool = open_pool(RedisAddress.parse(address), socket_timeout=1.0, retries=0)
        connection = pool.make_connection()  # type: ignore[no-untyped-call]  # as redis-py has it
        packed = connection.pack_command(name, *given_with)
        assert b"".join(packed) == b"".join(Connection().pack_command(name, *given_with))
