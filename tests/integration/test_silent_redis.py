"""A Redis that hangs: connections stay, answers do not come. Nobody waits for longer than they may."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from urllib.parse import unquote, urlsplit

import pytest
from redis.asyncio import Redis
from structlog.testing import capture_logs

from remediation.domain.errors import LeaseLost, StoreUnavailable
from remediation.redis_address import RedisAddress
from remediation.sealing import Keyring
from remediation.store.cases import todo
from remediation.store.server.connection import Connection, open_pool
from tests.integration.offices import KEY, Office
from workers.jobs import cases
from workers.jobs.cases import under_lease

LEASE = 0.6
PATIENCE = 20.0
"""What the connection itself would wait: much longer than a lease lasts."""


class Proxy:
    """A way to Redis by TCP that can fall silent: what is sent is carried out no more, and nothing comes back."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._writers: list[asyncio.StreamWriter] = []
        self._pumps: list[asyncio.Task[None]] = []
        self.speaks = asyncio.Event()
        self.speaks.set()

    async def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        redis_reader, redis_writer = await asyncio.open_unix_connection(self._path)
        self._writers += [writer, redis_writer]
        for source, sink in ((reader, redis_writer), (redis_reader, writer)):
            self._pumps.append(asyncio.create_task(self._pump(source, sink)))

    async def _pump(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        while data := await source.read(65_536):
            await self.speaks.wait()
            sink.write(data)

    async def close(self) -> None:
        for pump in self._pumps:
            pump.cancel()
        await asyncio.gather(*self._pumps, return_exceptions=True)
        for writer in self._writers:
            writer.close()


@asynccontextmanager
async def connected(port: int, timeout: float, retries: int) -> AsyncIterator[Connection]:  # noqa: ASYNC109 - a setting
    pool = open_pool(RedisAddress.parse(f"redis://127.0.0.1:{port}/0"), socket_timeout=timeout, retries=retries)
    yield Connection(Redis(connection_pool=pool))
    await pool.aclose()


@pytest.fixture
async def proxy(redis_url: str) -> AsyncIterator[tuple[Proxy, int]]:
    proxy = Proxy(unquote(urlsplit(redis_url).path))
    server = await asyncio.start_server(proxy.accept, "127.0.0.1", 0)
    yield proxy, server.sockets[0].getsockname()[1]
    server.close()
    await proxy.close()


@pytest.fixture
def short_leases(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (todo, cases):
        monkeypatch.setattr(module, "LEASE_SECONDS", LEASE)


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    with capture_logs():
        yield


async def test_whoever_hears_nothing_of_redis_stops_working_before_another_may_begin(
    connection: Connection, keyring: Keyring, proxy: tuple[Proxy, int], short_leases: None
) -> None:
    way, port = proxy
    ended: list[float] = []

    async def work() -> None:
        try:
            await asyncio.sleep(PATIENCE)
        finally:
            ended.append(time.monotonic())

    async with connected(port, PATIENCE, retries=20) as cut_off:
        office, rival = Office(cut_off, keyring), Office(connection, keyring)
        await office.mark()
        lease = await office.context.todo.take(KEY.ref, office.clock())
        assert lease is not None
        way.speaks.clear()
        taken = asyncio.create_task(taken_at(rival))
        with pytest.raises(LeaseLost):
            await asyncio.wait_for(under_lease(office.context.todo, lease, work()), PATIENCE / 2)
        assert ended[0] <= await asyncio.wait_for(taken, PATIENCE / 2) + LEASE / 2


async def taken_at(office: Office) -> float:
    """When the case could be taken, tried over and over."""
    while await office.context.todo.take(KEY.ref, office.clock()) is None:  # noqa: ASYNC110 - nobody tells when a lease ends
        await asyncio.sleep(LEASE / 20)
    return time.monotonic()


async def test_commands_wait_side_by_side_for_a_redis_that_hangs() -> None:
    """One after another they would take twenty times as long, and the last sender would get no answer in time."""
    timeout, commands = 0.5, 20
    held: list[asyncio.StreamWriter] = []

    async def accept(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        held.append(writer)

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    async with connected(server.sockets[0].getsockname()[1], timeout, retries=0) as connection:
        started = time.monotonic()
        asked = [connection.run("mark_cases", 0) for _ in range(commands)]
        answers = await asyncio.gather(*asked, return_exceptions=True)
        took = time.monotonic() - started
    server.close()
    for writer in held:
        writer.close()
    assert [type(answer) for answer in answers] == [StoreUnavailable] * commands
    assert took < timeout * commands / 2
