"""After a fail-over behind one address the old primary keeps our connections, as a replica: whoever asks dials anew."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, closing
from functools import partial
from pathlib import Path

import pytest
from arq.connections import ArqRedis
from redis import Redis
from structlog.testing import capture_logs

from chaos.failover import Pair, paired
from chaos.proxy import Proxy, Streams
from remediation.queue import Job, decode, encode
from remediation.redis_address import RedisAddress
from remediation.sealing import Keyring
from remediation.store.server.connection import Connection
from remediation.store.server.readiness import lets_us_work, trouble_in
from remediation.store.server.refusals import ConnectionCause
from remedy.embedded.server import EmbeddedServer
from remedy.runtime.assembly import open_connection
from tests.integration.receivers import Receiver, event
from workers import process
from workers.process import Supervisor

Home = Callable[[], Awaitable[Streams]]


class Address:
    """One address, and the two servers that it may lead to."""

    def __init__(self, pair: Pair, proxy: Proxy, homes: Mapping[int, Home]) -> None:
        self.pair, self.proxy, self.homes = pair, proxy, homes

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.proxy.port}/0"

    async def change_places(self) -> None:
        """Fail over, without a word at the address."""
        await asyncio.to_thread(self.pair.change_places)

    def follow(self) -> None:
        """The address leads to the primary."""
        self.proxy.lead_to(self.homes[id(self.pair.primary)])


@pytest.fixture
def address(tmp_path: Path) -> Iterator[Address]:
    with (
        EmbeddedServer(tmp_path / "redis") as server,
        closing(Redis(unix_socket_path=str(server.socket))) as first,
        paired(first) as (pair, second),
    ):
        first_home = partial(asyncio.open_unix_connection, server.socket)
        homes = {id(first): first_home, id(pair.replica): partial(asyncio.open_unix_connection, second)}
        with Proxy(first_home).running() as proxy:
            yield Address(pair, proxy, homes)


@asynccontextmanager
async def connected(address: Address, retries: int = 1) -> AsyncIterator[Connection]:
    async with open_connection(RedisAddress.parse(address.url), socket_timeout=5.0, retries=retries) as connection:
        yield connection


async def test_a_receiver_takes_the_next_delivery_and_is_ready(address: Address, keyring: Keyring) -> None:
    async with connected(address) as connection:
        receiver = Receiver(connection, keyring)
        answers = await asyncio.gather(*(receiver.deliver(event(number)) for number in range(8)))
        assert {answer.status_code for answer in answers} == {202}, "so many connections are open now"
        await address.change_places()
        assert (await receiver.deliver(event(9))).status_code == 503, "the address leads to the old one"
        ready = await receiver.readiness()
        assert (ready.status_code, ready.json()["problems"]) == (503, [ConnectionCause.REPLICA.words])
        address.follow()
        answers = await asyncio.gather(*(receiver.deliver(event(number)) for number in range(10, 18)))
        assert {answer.status_code for answer in answers} == {202}
        assert (await receiver.ask("GET", "/readyz")).status_code == 200


async def test_readiness_believes_no_old_connection(address: Address, keyring: Keyring) -> None:
    async with connected(address) as connection:
        receiver = Receiver(connection, keyring, allow_weak_durability=True)
        assert (await receiver.ask("GET", "/readyz")).status_code == 200
        await address.change_places()
        assert (await receiver.readiness()).json() == {"ready": False, "problems": [ConnectionCause.REPLICA.words]}
        address.follow()
        assert (await receiver.ask("GET", "/readyz")).status_code == 200


async def test_arqs_own_commands_dial_anew(address: Address) -> None:
    async with connected(address) as connection:
        pool = connection.redis.connection_pool
        queue = ArqRedis(pool_or_conn=pool, job_serializer=encode, job_deserializer=decode)
        await queue.psetex("arq:test-only", 60_000, b"1")
        await address.change_places()
        address.follow()
        await queue.psetex("arq:test-only", 60_000, b"2")
        assert await queue.enqueue_job(Job.LOOK_AT_CASE, "x") is not None


async def test_a_pipeline_dials_anew(address: Address) -> None:
    async with connected(address) as connection:
        for value in (1, 2):
            async with connection.redis.pipeline(transaction=True) as pipe:
                pipe.hset("test-only", "a", str(value))
                pipe.expire("test-only", 60)
                assert await pipe.execute() == [2 - value, True]
            if value == 1:
                await address.change_places()
                address.follow()


async def test_a_worker_that_nothing_can_be_done_for_is_not_started_again_and_again(
    address: Address, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An address that leads to a replica for hours is one restart."""
    monkeypatch.setattr(process, "RESTART_DELAY", 0.05)
    begun: list[float] = []

    class Ending:
        """An arq worker that ends at once."""

        def __init__(self) -> None:
            self.tasks: dict[str, asyncio.Task[None]] = {}

        async def async_run(self) -> None:
            begun.append(time.monotonic())
            raise ConnectionError("test-only")

    async with connected(address) as connection:
        await address.change_places()
        supervisor = Supervisor({"work": Ending}, lambda: lets_us_work(connection))  # type: ignore[dict-item]  # as much of arq's as is used
        with capture_logs() as lines:
            running = asyncio.create_task(supervisor.run())
            await asyncio.sleep(0.6)
            assert len(begun) == 1
            address.follow()
            await asyncio.sleep(0.6)
            supervisor.stop()
            await asyncio.wait_for(running, 5)
    assert len(begun) > 1, "it goes on when the address leads to the primary"
    assert sum(line["event"] == "worker_restarts" for line in lines) == len(begun)


def test_a_redis_that_has_just_started_is_not_ready() -> None:
    assert trouble_in({"role": "master", "loading": 1}) == ConnectionCause.LOADING
