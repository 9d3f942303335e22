"""arq's main loop, as our workers run it: it waits until work comes instead of asking for it again and again."""

import asyncio
import contextlib
import time
from functools import partial
from typing import Any

from arq.utils import timestamp_ms
from arq.worker import Worker

from remediation.queue import Job
from remediation.store.server.connection import cancel_until_done
from remediation.store.work_queue import WorkQueue
from workers.jobs_redis import JobsRedis
from workers.rounds.schedule import Schedule, play

LOOKS_EVERY = 1.0
"""Seconds after which a worker that waits looks by itself: what puts jobs into the queue may be of an earlier version,
which rings no bell, and a worker may die with a ring that it has heard."""

ASKS_EVERY = 0.02
"""Seconds between two questions where waiting is not possible; arq's own are half a second apart."""

BEGINS_EVERY = 0.25
"""Seconds between two looks at which rounds are due."""

PAUSE = 0.002
"""Seconds after a job's end, in a worker that could take no more, for which it waits for further ends: one question
then brings several jobs."""


MOST_READERS = 2
"""Jobs that read deliveries and that a worker has in hand at once. Each reads all that wait: while one waits for Redis,
the other works, and more would only split what there is into smaller parts."""

_CLAIM = "claim"
"""What a claim is called among the tasks of a worker, for whose ends arq waits in a stop. Otherwise a worker without a
job would end before the answer, and nobody would begin what it claims until it has had its time."""


class LoopWorker(Worker):
    """arq's worker, which also knows when its main loop last ran a round, and can stop taking jobs at once."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._came_round_at = time.monotonic()

    @property
    def standing_still(self) -> float:
        """Seconds since the last round of the main loop."""
        return time.monotonic() - self._came_round_at

    async def heart_beat(self) -> None:
        """Called by arq once in each round."""
        await super().heart_beat()
        self._came_round_at = time.monotonic()

    def take_no_more(self) -> None:
        """Begin no job any more. Otherwise arq would go on with the ids that it has read, up to `queue_read_limit`."""
        self.allow_pick_jobs = False
        self.max_jobs = 0


class QueueWorker(LoopWorker):
    """The same for a queue whose jobs come from our scripts: they ring, and the worker waits for that.

    Between two rounds it waits for a ring while it has room for jobs, and otherwise until one of its jobs ends. arq
    asks whether there are jobs at all, one script takes in hand as many as there is room for and tells what they are,
    and arq runs them.
    """

    def __init__(self, queue: WorkQueue, redis_pool: JobsRedis, **options: Any) -> None:
        super().__init__(redis_pool=redis_pool, poll_delay=0, queue_read_limit=1, **options)
        self._queue = queue
        self._redis = redis_pool
        self._waiting: asyncio.Task[bool] | None = None
        self._calling_off: asyncio.Task[None] | None = None
        self._ended = asyncio.Event()
        self._readers = 0
        self._has_left_readers = False
        self._ringing: asyncio.Task[None] | None = None

    async def heart_beat(self) -> None:
        """Called by arq at the end of each round: wait for something to do in the next one."""
        await super().heart_beat()
        if not self.allow_pick_jobs:  # the stop waits until the jobs have ended, and this loop counts them
            await asyncio.sleep(ASKS_EVERY)
        elif self.job_counter < self.max_jobs:
            await self._until_called()
        else:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._ended.wait(), LOOKS_EVERY)
            await asyncio.sleep(PAUSE)
        self._ended.clear()

    async def start_jobs(self, job_ids: list[bytes]) -> None:
        """Called by arq with a job, in hand or not, where there is any: begin as many as there is room for."""
        if not job_ids:
            return
        lasts_ms = int(self.in_progress_timeout_s * 1000)
        room = self.max_jobs - self.job_counter
        claiming = self._queue.claim(room, timestamp_ms(), lasts_ms, MOST_READERS - self._readers)
        self.tasks[_CLAIM] = being_claimed = self.loop.create_task(claiming)
        claimed = await being_claimed
        if not self.allow_pick_jobs:  # a stop has begun meanwhile
            await self._queue.give_back([job.id for job in claimed.jobs])
            return
        for job_id, due_ms, content in claimed.jobs:
            self._redis.tell(job_id, content)
            await self.sem.acquire()
            self.job_counter += 1
            self._readers += _reads(job_id)
            self.tasks[job_id] = task = self.loop.create_task(self.run_job(job_id, due_ms))
            task.add_done_callback(partial(self._has_ended, job_id))
        if claimed.left_readers:
            self._has_left_readers = True
            self._call_for_readers()

    async def finish_job(self, job_id: str, finish: bool, result_data: bytes | None, *rest: Any) -> None:  # noqa: FBT001 - arq's
        """Called by arq at the end of a job, for which it asks Redis by itself."""
        *_, keep_in_progress = rest
        if finish and not result_data and keep_in_progress is None:
            await self._queue.end(job_id)
        else:
            await super().finish_job(job_id, finish, result_data, *rest)

    def take_no_more(self) -> None:
        """Begin no job any more, and wait for none."""
        super().take_no_more()
        self._ended.set()
        if self._waiting is not None:
            self._calling_off = asyncio.create_task(cancel_until_done(self._waiting))

    async def _until_called(self) -> None:
        self._waiting = asyncio.create_task(self._queue.hear(LOOKS_EVERY))
        try:
            await asyncio.wait({self._waiting})
            could_wait = self._waiting.cancelled() or self._waiting.result()
        finally:
            await cancel_until_done(self._waiting)
            self._waiting = None
        if not could_wait:
            await asyncio.sleep(ASKS_EVERY)

    def _has_ended(self, job_id: str, _task: asyncio.Task[None]) -> None:
        self._release_sem_dec_counter_on_complete()
        self._redis.forget(job_id)
        self._readers -= _reads(job_id)
        self._ended.set()
        self._call_for_readers()

    def _call_for_readers(self) -> None:
        """Ring for a job that was left, once there is room for it here: whoever queued it has rung already."""
        if self._has_left_readers and self._readers < MOST_READERS:
            self._has_left_readers = False
            self._ringing = asyncio.create_task(self._queue.ring())


def _reads(job_id: str) -> bool:
    return job_id.startswith(f"{Job.READ_DELIVERY}:")


class UpkeepWorker(LoopWorker):
    """arq's main loop with rounds in place of its crons, which follow the machine's clock.

    Its queue is always empty. That arq asks about it has a use: the loop ends where Redis is away, and begins again
    when Redis is back, instead of trying each round. A job of a round has `within` seconds.
    """

    def __init__(self, schedule: Schedule, within: float, **options: Any) -> None:
        super().__init__(poll_delay=0, **options)
        self._schedule = schedule
        self._within = within

    async def heart_beat(self) -> None:
        """Called by arq in each turn of its loop: begin what is due until the next one."""
        await super().heart_beat()
        until = time.monotonic() + LOOKS_EVERY
        while self.allow_pick_jobs and time.monotonic() < until:
            self._begin_what_is_due()
            await asyncio.sleep(BEGINS_EVERY)
        if not self.allow_pick_jobs:
            await asyncio.sleep(ASKS_EVERY)

    def _begin_what_is_due(self) -> None:
        """Begin the rounds that are due and do not run any more."""
        for each in self._schedule.due():
            before = self.tasks.get(each.name)
            if before is None or before.done():
                self.tasks[each.name] = asyncio.create_task(play(self.ctx, each, self._within))
