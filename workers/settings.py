"""How arq runs our jobs: each setting with the reason why it is not arq's own."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

from arq import func
from arq.connections import ArqRedis
from arq.worker import Worker
from redis.asyncio import ConnectionPool

from remediation.queue import JOB_LIFETIME, UPKEEP_QUEUE, WORK_QUEUE, Job, decode, encode
from workers.jobs.boundary import ArqContext, never_raising
from workers.jobs.cases import look_at_case
from workers.jobs.deliveries import read_delivery
from workers.jobs.scans import page_scan
from workers.resources import Desk, Desks
from workers.rounds.districts import SECONDS as NOTE_SECONDS
from workers.rounds.districts import note_districts
from workers.rounds.polls import poll_trackers
from workers.rounds.schedule import Round, Schedule, play
from workers.rounds.upkeep import sweep

JOB_TIMEOUT = 30
"""Seconds. After kill -9 arq leaves a job alone for this and ten more; our own lease and sweep recover sooner."""

SWEEP_SECONDS = 2

COMPLETION_WAIT = 15
"""Seconds that running jobs get after SIGTERM unless a setting says otherwise: more than a look takes. With what
follows (jobs that hand their cases back) it stays below a pod's grace period of 30."""


class LoopWorker(Worker):
    """arq's worker, which tells when its main loop last came round, and takes no more jobs as soon as it is told."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._came_round_at = time.monotonic()

    @property
    def standing_still(self) -> float:
        """Seconds since the main loop last came round."""
        return time.monotonic() - self._came_round_at

    async def heart_beat(self) -> None:
        """Called by arq once in each round."""
        await super().heart_beat()
        self._came_round_at = time.monotonic()

    def take_no_more(self) -> None:
        """Begin no job any more: arq itself goes on through the ids that it has read, up to `queue_read_limit`."""
        self.allow_pick_jobs = False
        self.max_jobs = 0


@never_raising
async def unreadable_job(_desk: Desk) -> None:
    """What a job becomes whose wire format nobody can read: nothing, as the sweep makes its wake-up anew."""


Prepare = Callable[[], Awaitable[None]]
"""What must have been done before a worker may take a job; where it raises, the worker ends and is started again."""


async def _nothing() -> None:
    """Need nothing done."""


def _common(
    pool: ConnectionPool, queue: str, desks: Desks, prepare: Prepare, completion_wait: float | None
) -> dict[str, Any]:
    async def begin(_ctx: ArqContext) -> None:
        await prepare()

    redis = ArqRedis(
        pool_or_conn=pool,
        job_serializer=encode,
        job_deserializer=decode,
        default_queue_name=queue,
        expires_extra_ms=int(JOB_LIFETIME.total_seconds() * 1000),
    )
    return {
        "redis_pool": redis,
        "queue_name": queue,
        "ctx": {"desks": desks},
        "on_startup": begin,
        "job_serializer": encode,  # not pickle: whoever can write to Redis could run code here
        "job_deserializer": decode,
        "expires_extra_ms": int(JOB_LIFETIME.total_seconds() * 1000),  # a day is shorter than an outage
        "job_timeout": JOB_TIMEOUT,
        "job_completion_wait": completion_wait or COMPLETION_WAIT,  # otherwise SIGTERM cancels jobs in the middle
        "max_tries": 1_000_000,  # crashes count as tries, and arq drops a job after five
        "log_results": False,
        "handle_signals": False,  # two workers share the process; it stops them itself
        "health_check_interval": 3600,  # arq's health key is shared by all workers and deleted by any of them
    }


def work_worker(
    pool: ConnectionPool,
    desks: Desks,
    max_jobs: int,
    prepare: Prepare = _nothing,
    completion_wait: float | None = None,
) -> LoopWorker:
    """The worker for deliveries, cases and scans. `completion_wait` is in seconds; None for COMPLETION_WAIT."""
    return LoopWorker(
        functions=[
            func(read_delivery, name=Job.READ_DELIVERY),
            func(look_at_case, name=Job.LOOK_AT_CASE),
            func(page_scan, name=Job.PAGE_SCAN),
            func(unreadable_job, name=Job.UNREADABLE),
        ],
        keep_result=0,  # results would keep arguments for an hour
        poll_delay=0.02,  # half a second is arq's own, and a quarter of it what a job waits on average
        max_jobs=max_jobs,
        queue_read_limit=5_000,  # arq reads no further, so that orphans could fill a shorter list
        **_common(pool, WORK_QUEUE, desks, prepare, completion_wait),
    )


def upkeep_worker(
    pool: ConnectionPool,
    desks: Desks,
    poll_seconds: int,
    prepare: Prepare = _nothing,
    completion_wait: float | None = None,
) -> LoopWorker:
    """The worker for rounds, beside the queue of work, so that no backlog keeps the sweep from running."""
    rounds = (
        Round("sweep", SWEEP_SECONDS, sweep),
        Round("note_districts", NOTE_SECONDS, note_districts),
        Round("poll_trackers", poll_seconds, poll_trackers),
    )
    return UpkeepWorker(
        Schedule(rounds),
        functions=[func(unreadable_job, name=Job.UNREADABLE)],
        poll_delay=0.25,
        max_jobs=8,
        **_common(pool, UPKEEP_QUEUE, desks, prepare, completion_wait),
    )


class UpkeepWorker(LoopWorker):
    """arq's main loop with rounds in the place of its crons, which go by the machine's clock.

    Its queue is empty. That Redis is asked for it is of use: the loop ends where Redis is away, and begins again when
    it is back, instead of trying each round.
    """

    def __init__(self, schedule: Schedule, **options: Any) -> None:
        super().__init__(**options)
        self._schedule = schedule

    async def heart_beat(self) -> None:
        """Called by arq once in each turn of its loop: begin what is due, unless it still runs or a stop has begun."""
        for each in self._schedule.due():
            if self.allow_pick_jobs and each.name not in self.tasks:
                self.tasks[each.name] = asyncio.create_task(play(self.ctx, each, JOB_TIMEOUT))
        await super().heart_beat()
