"""A real Valkey for the tests of what lies in it."""

import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from redis.asyncio import Redis

from remediation.redis_address import RedisAddress
from remediation.sealing import Keyring, generate_key
from remediation.store.server.connection import Connection, open_pool
from remedy.embedded.server import EmbeddedServer


@pytest.fixture(scope="session")
def redis_url() -> Iterator[str]:
    folder = Path(tempfile.mkdtemp(prefix="remedy-"))
    with EmbeddedServer(folder) as server:
        yield server.url
    shutil.rmtree(folder)


@pytest.fixture
async def connection(redis_url: str) -> AsyncIterator[Connection]:
    pool = open_pool(RedisAddress.parse(redis_url), socket_timeout=5.0, retries=1)
    redis = Redis(connection_pool=pool)
    await redis.flushall()
    yield Connection(redis)
    await redis.aclose()
    await pool.aclose()


@pytest.fixture
def data_keys() -> str:
    """DATA_KEYS of a command."""
    return generate_key()


@pytest.fixture(scope="session")
def keyring() -> Keyring:
    return Keyring.parse(generate_key())
