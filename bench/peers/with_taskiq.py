"""FastAPI and taskiq: `python -m bench.peers.with_taskiq <redis socket> <path> <secret>`. A key tells repeats."""

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from redis.asyncio import Redis
from taskiq_redis import RedisStreamBroker

from bench.peers.accepting import Enqueue, is_new, serve


@asynccontextmanager
async def opened(place: str) -> AsyncIterator[Enqueue]:
    """Taskiq's broker that acknowledges, and a client for the keys."""
    broker = RedisStreamBroker(url=f"unix://{place}")
    redis = Redis(unix_socket_path=place)

    @broker.task(task_name="take")
    async def take(body: str) -> None:
        """Done by a worker, of which there is none here."""

    async def enqueue(delivery: str, body: bytes) -> object:
        return await is_new(redis, delivery) and await take.kiq(body.decode())

    await broker.startup()
    yield enqueue
    await broker.shutdown()
    await redis.aclose()


if __name__ == "__main__":
    serve(sys.argv[2], sys.argv[3], opened(sys.argv[1]))
