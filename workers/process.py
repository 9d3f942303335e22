"""A worker process: two arq workers in one event loop, restarted after Redis was away, stopped in order by SIGTERM."""

import asyncio
import contextlib
import math
import signal
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from functools import partial

import structlog

from remediation.store.server.connection import cancel_until_done
from workers.loops import LoopWorker

logger = structlog.get_logger()

RESTART_DELAY = 1.0
"""Seconds between the end of an arq worker that lost Redis and the next check whether Redis is back."""

SOUND_SECONDS = 15.0
"""Seconds that an arq worker must have run before its last end is no longer reported as a problem."""

LETS_GO_WITHIN = 3.0
"""Seconds that cancelled jobs get to put their cases off. Where Redis hangs, the sweep finds the cases."""

STANDS_STILL = 60.0
"""Seconds without a round of arq's main loop that are reported. A round usually takes a fraction of one second, and
half of this time where Redis hangs."""

Make = Callable[[], LoopWorker]


async def _always() -> bool:
    """The default check: work is possible."""
    return True


def _nothing() -> None:
    """The default for `stops`: nothing more to do."""


class Supervisor:
    """Keeps arq workers running until it is told to stop.

    A worker that has ended is started again when `can_work` returns true, so an outage of hours is one restart and not
    one in each second. `stops` is called when a stop begins.
    """

    def __init__(
        self,
        make: Mapping[str, Make],
        can_work: Callable[[], Awaitable[bool]] = _always,
        stops: Callable[[], None] = _nothing,
    ) -> None:
        self._make = make
        self._can_work = can_work
        self._stops = stops
        self._running: dict[str, LoopWorker] = {}
        self._keeping: dict[str, asyncio.Task[None]] = {}
        self._stopping = asyncio.Event()
        self._ends: list[asyncio.Task[None]] = []
        self._failed: dict[str, tuple[str, float]] = {}

    @property
    def is_stopping(self) -> bool:
        """Whether a stop has begun."""
        return self._stopping.is_set()

    def ended(self) -> list[str]:
        """The names of the workers that have ended for good without a stop."""
        return [name for name, task in self._keeping.items() if _has_failed(task)]

    def standing_still(self) -> list[str]:
        """Which running workers have had no round for long, in words for people."""
        still = [name for name, worker in self._running.items() if worker.standing_still > STANDS_STILL]
        return [f"the {name} loop stands still" for name in still]

    def restarting(self) -> list[str]:
        """Which workers end again and again, or were just restarted, in words for people."""
        now = time.monotonic()
        failed = [(name, error) for name, (error, sound_from) in self._failed.items() if now < sound_from]
        return [f"the {name} loop ended with {error}, and is begun anew" for name, error in failed]

    async def run(self) -> None:
        """Run all workers. Returns after a stop, when all have ended or were given up.

        Where one cannot be kept running, the others are stopped and its error is raised: the process must be restarted.
        """
        for name, make in self._make.items():
            self._keeping[name] = asyncio.create_task(self._keep_running(name, make))
        await asyncio.wait(self._keeping.values(), return_when=asyncio.FIRST_EXCEPTION)
        for name in self.ended():
            logger.error("worker_loop_ended", job=name)
        if self.ended():
            self.stop()
        await asyncio.gather(*self._keeping.values())

    def stop(self) -> None:
        """Take no new jobs, wait for the running ones, then cancel them. A second call cancels them at once.

        The sweep finds the cancelled work.
        """
        if self._stopping.is_set():
            for worker in self._running.values():
                _cancel(worker.tasks.values())
            return
        logger.info("worker_stopping")
        self._stopping.set()
        self._stops()
        for worker in self._running.values():
            worker.take_no_more()
            worker.on_stop = partial(self._insist, worker)
            worker.handle_sig_wait_for_completion(signal.SIGTERM)

    def _insist(self, worker: LoopWorker, _number: signal.Signals) -> None:
        """Called by arq when it has cancelled its main loop."""
        self._ends.append(asyncio.get_running_loop().create_task(_cancelled(worker)))

    async def _keep_running(self, name: str, make: Make) -> None:
        while not self._stopping.is_set():
            worker = self._running[name] = make()
            try:
                await worker.async_run()
            except asyncio.CancelledError:
                if not self._stopping.is_set():
                    raise
            except Exception as error:  # noqa: BLE001 - whatever ends arq's main loop, the answer is to start it again
                logger.warning("worker_restarts", error=type(error).__name__)
                self._failed[name] = type(error).__name__, math.inf
            finally:
                del self._running[name]
                await _ended(worker)
            await self._until_it_can_work()
            if name in self._failed:
                self._failed[name] = self._failed[name][0], time.monotonic() + SOUND_SECONDS

    async def _until_it_can_work(self) -> None:
        """Wait a second, and then until work is possible or a stop begins."""
        while not self._stopping.is_set():
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), RESTART_DELAY)
            if self._stopping.is_set() or await self._can_work_or_stops():
                return

    async def _can_work_or_stops(self) -> bool:
        """Whether work is possible. A stop does not wait for the answer, which takes long where Redis hangs."""
        asking, stopping = asyncio.ensure_future(self._can_work()), asyncio.ensure_future(self._stopping.wait())
        await asyncio.wait((asking, stopping), return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        if not asking.done():
            asking.cancel()
            return False
        return asking.result()


def _has_failed(task: asyncio.Task[None]) -> bool:
    return task.done() and (task.cancelled() or task.exception() is not None)


async def _cancelled(worker: LoopWorker) -> None:
    """Cancel arq's main loop until it ends."""
    if worker.main_task is not None:
        await cancel_until_done(worker.main_task)


async def _ended(worker: LoopWorker) -> None:
    """End the worker's jobs: they continue after its main loop has failed, and nothing else would wait for them."""
    _cancel(worker.tasks.values())
    if worker.tasks:
        await asyncio.wait(worker.tasks.values(), timeout=LETS_GO_WITHIN)


def _cancel(jobs: Iterable[asyncio.Task[None]]) -> None:
    """Cancel the jobs that are not cancelled yet.

    A cancelled job puts its case off, which a second cancellation would prevent.
    """
    for job in jobs:
        if not job.cancelling():
            job.cancel()
