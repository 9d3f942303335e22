"""P7, the answer is honest: what Redis did not keep is never answered with 2xx, and a 503 comes in time."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import httpx2
import pytest
from prometheus_client import REGISTRY
from redis.asyncio import Redis

from remediation.deliveries.signatures import SignatureFormat
from remediation.redis_address import RedisAddress
from remediation.sealing import Keyring
from remediation.store.server.connection import Connection
from remedy.embedded.server import EmbeddedServer
from remedy.runtime.assembly import open_connection
from tests.integration.receivers import Receiver, account, event, keyspace

SENDER_WAITS = 10.0
"""Seconds. How much sooner an answer comes is measured by the fault suite."""

NO_SOCKET = "Redis does not answer: there is no socket at its path"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "redis"


@pytest.fixture
def server(folder: Path) -> Iterator[EmbeddedServer]:
    with EmbeddedServer(folder) as server:
        yield server


@asynccontextmanager
async def receiver_on(url: str, keyring: Keyring, form: SignatureFormat) -> AsyncIterator[Receiver]:
    """As `remedy run receiver` connects."""
    address = RedisAddress.parse(url)
    async with open_connection(address, socket_timeout=1.0, retries=1, max_connections=256) as connection:
        yield Receiver(connection, keyring, {"lakeside": account(signature=form)})


async def settings(redis: Redis, **values: object) -> None:
    for name, value in values.items():
        await redis.config_set(name.replace("_", "-"), str(value))


def is_honest(answer: httpx2.Response) -> bool:
    return (answer.status_code, answer.headers.get("retry-after")) == (503, "5")


def foreseen() -> float:
    """How many answers told of a Redis that takes nothing; a mistake of ours is answered alike, and not counted so."""
    labels = {"sender": "schoolscan", "account": "lakeside", "answer": "503", "reason": "StoreUnavailable"}
    return REGISTRY.get_sample_value("remedy_deliveries_total", labels) or 0.0


@pytest.mark.parametrize("form", [SignatureFormat.TIMESTAMPED, SignatureFormat.AUTO])
async def test_redis_away_is_503_and_ready_says_so(folder: Path, keyring: Keyring, form: SignatureFormat) -> None:
    with EmbeddedServer(folder) as server:
        url = server.url
    async with receiver_on(url, keyring, form) as receiver:
        assert is_honest(await receiver.deliver(event(), SignatureFormat.TIMESTAMPED))
        ready = await receiver.readiness()
        assert (ready.status_code, ready.json()["problems"]) == (503, [NO_SOCKET])
        assert (await receiver.ask("GET", "/livez")).status_code == 200


@contextmanager
def stopped(folder: Path) -> Iterator[None]:
    """The server neither answers nor hangs up, as a machine that swaps."""
    pid = int((folder / "server.lock").read_text(encoding="ascii"))
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


@pytest.mark.parametrize("warm", [True, False])
@pytest.mark.parametrize("form", [SignatureFormat.TIMESTAMPED, SignatureFormat.AUTO])
async def test_a_redis_that_hangs_is_503_in_time_and_a_repeat_gets_through_later(
    server: EmbeddedServer, folder: Path, keyring: Keyring, form: SignatureFormat, *, warm: bool
) -> None:
    async with receiver_on(server.url, keyring, form) as receiver:
        if warm:
            assert (await receiver.deliver(event(1), SignatureFormat.TIMESTAMPED)).status_code == 202
        with stopped(folder):
            async with asyncio.timeout(SENDER_WAITS):
                assert is_honest(await receiver.deliver(event(2), SignatureFormat.TIMESTAMPED))
        assert (await receiver.deliver(event(2), SignatureFormat.TIMESTAMPED)).status_code == 202


async def test_a_receiver_goes_on_when_redis_has_been_restarted_and_knows_its_rows(
    folder: Path, keyring: Keyring
) -> None:
    with EmbeddedServer(folder) as server:
        url = server.url
        async with receiver_on(url, keyring, SignatureFormat.TIMESTAMPED) as receiver:
            assert (await receiver.deliver(event(1))).status_code == 202
    async with receiver_on(url, keyring, SignatureFormat.TIMESTAMPED) as receiver:
        assert is_honest(await receiver.deliver(event(2)))
        with EmbeddedServer(folder):
            before = await keyspace(receiver.connection.redis)
            assert (await receiver.deliver(event(1))).status_code == 202
            assert await keyspace(receiver.connection.redis) == before, "it was durable, so it is a repeat"
            assert (await receiver.deliver(event(2))).status_code == 202


@pytest.mark.parametrize("form", [SignatureFormat.TIMESTAMPED, SignatureFormat.AUTO])
async def test_a_full_redis_is_503_and_nothing_is_stored(
    connection: Connection, keyring: Keyring, form: SignatureFormat
) -> None:
    receiver = Receiver(connection, keyring, {"lakeside": account(signature=form)})
    assert (await receiver.deliver(event(1))).status_code == 202
    before, answers = await keyspace(connection.redis), foreseen()
    await settings(connection.redis, maxmemory=1)
    try:
        assert is_honest(await receiver.deliver(event(2)))
        assert is_honest(await receiver.deliver(b"{"))
        assert foreseen() == answers + 2
        assert (await receiver.deliver(event(1))).status_code == 202, "its first copy is durable"
        assert await keyspace(connection.redis) == before
    finally:
        await settings(connection.redis, maxmemory=0)
    assert (await receiver.deliver(event(2))).status_code == 202


async def test_a_redis_without_enough_replicas_is_503_and_nothing_is_stored(
    connection: Connection, keyring: Keyring
) -> None:
    receiver, answers = Receiver(connection, keyring), foreseen()
    await settings(connection.redis, min_replicas_to_write=1)
    try:
        assert is_honest(await receiver.deliver(event(1)))
        assert foreseen() == answers + 1
        assert await keyspace(connection.redis) == {}
    finally:
        await settings(connection.redis, min_replicas_to_write=0)


async def test_a_redis_that_only_reads_is_503_and_nothing_is_stored(connection: Connection, keyring: Keyring) -> None:
    """After a fail-over the old primary is a replica; this one looks for a primary that is not there."""
    receiver, answers = Receiver(connection, keyring), foreseen()
    await connection.redis.execute_command("REPLICAOF", "127.0.0.1", "1")  # type: ignore[no-untyped-call]
    try:
        assert is_honest(await receiver.deliver(event(1)))
        assert foreseen() == answers + 1
    finally:
        await connection.redis.execute_command("REPLICAOF", "NO", "ONE")  # type: ignore[no-untyped-call]
    assert await keyspace(connection.redis) == {}
    assert (await receiver.deliver(event(1))).status_code == 202


async def test_a_mistake_of_ours_is_503_and_not_500(connection: Connection, keyring: Keyring) -> None:
    """A key of another type where a set should be: nothing that we foresee, and the sender comes again."""
    await connection.redis.set("remedy:signed-times", b"test-only")
    receiver = Receiver(connection, keyring, {"lakeside": account(signature=SignatureFormat.AUTO)})
    assert is_honest(await receiver.deliver(event(1), SignatureFormat.HEX))
