"""FastAPI and Celery: `python -m bench.peers.with_celery <redis socket> <path> <secret>`. A key tells repeats."""

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from celery import Celery
from redis.asyncio import Redis

from bench.peers.accepting import Enqueue, is_new, serve


@asynccontextmanager
async def opened(place: str) -> AsyncIterator[Enqueue]:
    """Celery's application, whose calls wait for the broker, and a client for the keys."""
    app = Celery("peers", broker=f"redis+socket://{place}")
    redis = Redis(unix_socket_path=place)

    @app.task(name="take", ignore_result=True)
    def take(body: str) -> None:
        """Done by a worker, of which there is none here."""

    async def enqueue(delivery: str, body: bytes) -> object:
        return await is_new(redis, delivery) and take.delay(body.decode())

    yield enqueue
    await redis.aclose()


if __name__ == "__main__":
    serve(sys.argv[2], sys.argv[3], opened(sys.argv[1]))
