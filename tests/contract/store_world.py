"""The stores that a look uses, the real ones on a real Valkey and their stand-ins, as one suite sees both."""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Protocol

from redis.asyncio import Redis

from remediation.ports import Links
from remediation.queue import JOB_PREFIX, WORK_QUEUE, decode
from remediation.redis_address import RedisAddress
from remediation.sealing import Keyring, generate_key
from remediation.store.cases.links import LeasedLinks
from remediation.store.cases.timeline import Timeline
from remediation.store.cases.todo import Lease, Todo
from remediation.store.deliveries.parked import ParkedWork
from remediation.store.keys import LEASE, SERVER
from remediation.store.server.connection import Connection, open_pool
from remedy.embedded.server import EmbeddedServer
from tests.shelves import Shelves
from tests.stand_in_lists import MemoryParkedWork, MemoryTimeline
from tests.stand_in_stores import MemoryLeasedLinks, MemoryTodo


class Behind(Protocol):
    """What a test must see or do behind the stores' back."""

    async def woken(self) -> set[str]:
        """The cases for which a wake-up waits."""
        ...

    async def forget_wakes(self) -> None:
        """The queue has lost every wake-up, or a worker has taken them."""
        ...

    async def lapse(self, ref: str) -> None:
        """The lease on the case has run out."""
        ...

    async def wipe(self) -> None:
        """All is lost."""
        ...

    async def restart(self) -> None:
        """Another server goes on with the same data, or with an older copy of it."""
        ...


@dataclass(frozen=True, slots=True)
class Stores:
    """The stores, and what lies behind them."""

    todo: Todo
    parked: ParkedWork
    timeline: Timeline
    links: Callable[[Lease], Links]
    behind: Behind


@dataclass(frozen=True, slots=True)
class _BehindRedis:
    redis: Redis

    async def woken(self) -> set[str]:
        jobs = [decode(await self.redis.get(JOB_PREFIX + job.decode()) or b"") for job in await self._queue()]
        return {job["a"][0] for job in jobs}

    async def _queue(self) -> list[bytes]:
        waiting: list[bytes] = await self.redis.zrange(WORK_QUEUE, 0, -1)
        return waiting

    async def forget_wakes(self) -> None:
        await self.redis.delete(WORK_QUEUE)

    async def lapse(self, ref: str) -> None:
        await self.redis.delete(LEASE + ref)

    async def wipe(self) -> None:
        await self.redis.flushall()

    async def restart(self) -> None:
        await self.redis.set(SERVER, "the run id of another process")


@dataclass(frozen=True, slots=True)
class _BehindShelves:
    shelves: Shelves

    async def woken(self) -> set[str]:
        return set(self.shelves.woken)

    async def forget_wakes(self) -> None:
        self.shelves.woken.clear()

    async def lapse(self, ref: str) -> None:
        self.shelves.lapse(ref)

    async def wipe(self) -> None:
        self.shelves.wipe()

    async def restart(self) -> None:
        self.shelves.born = None


@contextmanager
def valkey() -> Iterator[str]:
    """The address of a fresh Valkey."""
    with TemporaryDirectory(prefix="remedy-") as folder, EmbeddedServer(Path(folder)) as server:
        yield server.url


@asynccontextmanager
async def real_stores(url: str) -> AsyncIterator[Stores]:
    """The real stores, with nothing in them."""
    pool = open_pool(RedisAddress.parse(url), socket_timeout=5.0, retries=1)
    async with Redis(connection_pool=pool) as redis:
        await redis.flushall()
        connection, keyring = Connection(redis), Keyring.parse(generate_key())
        yield Stores(
            Todo(connection),
            ParkedWork(connection, keyring),
            Timeline(connection),
            partial(LeasedLinks, connection),
            _BehindRedis(redis),
        )
    await pool.aclose()


def stand_ins() -> Stores:
    """Their stand-ins, with nothing in them."""
    on = Shelves()
    return Stores(
        MemoryTodo(on), MemoryParkedWork(on), MemoryTimeline(on), partial(MemoryLeasedLinks, on), _BehindShelves(on)
    )
