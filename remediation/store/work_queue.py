"""arq's queue of work, as workers use it: they wait until something comes, and take several jobs in one step."""

import asyncio
import contextlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from redis.exceptions import NoPermissionError, RedisError

from remediation.domain.errors import StoreUnavailable
from remediation.queue import BELL, IN_PROGRESS_PREFIX, Job
from remediation.store.server.connection import Connection

_ANSWERS_WITHIN = 1.0
"""Seconds for which a reply may be late before the connection counts as broken without a word."""

_REFUSED_FOR = 60.0
"""Seconds until a server is asked again that refused to let us wait."""


class ClaimedJob(NamedTuple):
    """A job in hand: its id, when it was due (Unix milliseconds), and what it is; empty where its time is over."""

    id: str
    due_ms: int
    content: bytes


@dataclass(frozen=True, slots=True)
class Claimed:
    """Jobs, and whether some that read deliveries were left because there were too many."""

    jobs: Sequence[ClaimedJob]
    left_readers: bool = False


class WorkQueue:
    """The queue of work. `steady` is a monotonic clock."""

    def __init__(self, connection: Connection, steady: Callable[[], float] = time.monotonic) -> None:
        self._connection = connection
        self._steady = steady
        self._refused_until = -_REFUSED_FOR

    async def hear(self, seconds: float) -> bool:
        """Wait until somebody rings because a job was queued, for so many seconds at the most.

        False: waiting is not possible now, because the connection broke, or our Redis user may not use BZPOPMIN. Raises
        nothing of Redis.
        """
        if self._steady() < self._refused_until:
            return False
        try:
            async with asyncio.timeout(seconds + _ANSWERS_WITHIN):
                await self._connection.redis.bzpopmin(BELL, seconds)
        except (RedisError, OSError, RuntimeError) as error:  # also a timeout
            if isinstance(error, NoPermissionError) or str(error).startswith("unknown command"):
                self._refused_until = self._steady() + _REFUSED_FOR
            return False
        return True

    async def claim(self, most: int, due_ms: int, lasts_ms: int, readers: int = 1) -> Claimed:
        """Take up to `most` jobs in hand, the most urgent first.

        Of jobs that are due at `due_ms` (Unix milliseconds), and no more than `readers` of those that read deliveries.
        No other worker begins them for `lasts_ms`, or until they have ended. Raises StoreUnavailable; then jobs may
        have been taken, and are left until this time has passed.
        """
        left, *told = await self._connection.run("claim_jobs", due_ms, most, lasts_ms, Job.READ_DELIVERY, readers)
        each = zip(told[::3], told[1::3], told[2::3], strict=True)
        jobs = [ClaimedJob(job_id.decode(), int(float(due)), content) for job_id, due, content in each]
        return Claimed(jobs, left_readers=bool(left))

    async def ring(self) -> None:
        """Call a worker that waits, as somebody who queues a job does. Raises nothing of Redis."""
        with contextlib.suppress(StoreUnavailable):
            await self._connection.run("ring")

    async def end(self, job_id: str) -> None:
        """Take a job that has ended off the queue, in one message with whatever else is asked at this moment.

        Raises StoreUnavailable.
        """
        await self._connection.run("end_job", job_id)

    async def give_back(self, ids: Sequence[str]) -> None:
        """Leave jobs that were claimed and not begun to any worker. Raises StoreUnavailable."""
        if ids:
            await self._connection.ask(self._connection.redis.delete(*(IN_PROGRESS_PREFIX + each for each in ids)))
