"""FastAPI and arq: `python -m bench.peers.with_arq <redis socket> <path> <secret>`. The job's id tells repeats."""

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from arq import create_pool
from arq.connections import RedisSettings

from bench.peers.accepting import Enqueue, serve


@asynccontextmanager
async def opened(place: str) -> AsyncIterator[Enqueue]:
    """Arq's pool."""
    redis = await create_pool(RedisSettings(unix_socket_path=place))

    async def enqueue(delivery: str, body: bytes) -> object:
        return await redis.enqueue_job("take", body, _job_id=delivery)

    yield enqueue
    await redis.aclose()


if __name__ == "__main__":
    serve(sys.argv[2], sys.argv[3], opened(sys.argv[1]))
