"""A worker whose jobs only wait, 100 ms each: `python -m bench.sleepers ours|plain <redis url>`.

ours    our worker's loop on its own queue, with jobs of this kind in place of looks at cases
plain   arq's worker as it comes, with room for as many
"""

import asyncio
import sys
from typing import Any

import uvloop
from arq import func
from arq.connections import ArqRedis
from arq.worker import Worker
from redis.asyncio import ConnectionPool, Redis

from remediation.queue import Job
from remediation.redis_address import RedisAddress
from remediation.store.server.connection import Connection, open_pool
from workers.settings import work_worker

AT_ONCE = 100
JOB_SECONDS = 0.1
PLAIN_JOB = "wait"


async def wait(ctx: dict[Any, Any], *_args: Any, **_words: Any) -> None:
    """A job that uses no processor."""
    del ctx
    await asyncio.sleep(JOB_SECONDS)


class _Contexts:
    """What the worker's loop wants of its contexts when no job of ours runs."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection


async def _ours(redis_url: str) -> None:
    pool = open_pool(RedisAddress.parse(redis_url), socket_timeout=5.0, retries=1, max_connections=AT_ONCE * 4)
    contexts: Any = _Contexts(Connection(Redis(connection_pool=pool)))
    worker = work_worker(pool, contexts, AT_ONCE)
    worker.functions[Job.LOOK_AT_CASE] = func(wait, name=Job.LOOK_AT_CASE)
    await worker.async_run()


async def _plain(redis_url: str) -> None:
    redis = ArqRedis(ConnectionPool.from_url(redis_url))
    await Worker([wait], redis_pool=redis, max_jobs=AT_ONCE, handle_signals=False).async_run()


def main(which: str, redis_url: str) -> None:
    """Run one of them until it is killed."""
    uvloop.run((_ours if which == "ours" else _plain)(redis_url))


if __name__ == "__main__":
    main(*sys.argv[1:])
