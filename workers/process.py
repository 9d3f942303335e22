"""A worker process: two arq workers in one event loop, started again when Redis was away, stopped gently by SIGTERM."""

import asyncio
import contextlib
import signal
from collections.abc import Awaitable, Callable
from functools import partial

import structlog
from arq.worker import Worker

logger = structlog.get_logger()

RESTART_DELAY = 1.0
"""Seconds between the end of an arq worker that lost Redis and the next question whether Redis is back."""

CANCEL_PAUSE = 0.2
"""Seconds that arq's main loop gets to end before it is told again."""


async def _always() -> bool:
    """Need nothing to be so."""
    return True


class Supervisor:
    """Keeps arq workers running until it is told to stop.

    One that has ended is started again when `can_work` answers true: an outage of hours is one restart, and not one in
    each second.
    """

    def __init__(
        self, make: tuple[Callable[[], Worker], ...], can_work: Callable[[], Awaitable[bool]] = _always
    ) -> None:
        self._make = make
        self._can_work = can_work
        self._running: list[Worker] = []
        self._stopping = asyncio.Event()
        self._ends: list[asyncio.Task[None]] = []

    async def run(self) -> None:
        """Run all workers; returns after a stop, when what was running has ended or been given up."""
        await asyncio.gather(*(self._keep_running(make) for make in self._make))

    def stop(self) -> None:
        """Take no new jobs, give the running ones their time, then cancel them. The sweep finds what was cancelled."""
        if self._stopping.is_set():
            return
        logger.info("worker_stopping")
        self._stopping.set()
        for worker in self._running:
            worker.on_stop = partial(self._insist, worker)
            worker.handle_sig_wait_for_completion(signal.SIGTERM)

    def _insist(self, worker: Worker, _number: signal.Signals) -> None:
        """Called by arq when it has cancelled its main loop."""
        self._ends.append(asyncio.get_running_loop().create_task(_cancelled(worker)))

    async def _keep_running(self, make: Callable[[], Worker]) -> None:
        while not self._stopping.is_set():
            worker = make()
            self._running.append(worker)
            try:
                await worker.async_run()
            except asyncio.CancelledError:
                if not self._stopping.is_set():
                    raise
            except Exception as error:  # noqa: BLE001 - whatever ends arq's main loop, the answer is to start it again
                logger.warning("worker_restarts", error=type(error).__name__)
            finally:
                self._running.remove(worker)
                await _ended(worker)
            await self._until_it_can_work()

    async def _until_it_can_work(self) -> None:
        """Wait a second, and then for as long as nothing could be done, or until a stop."""
        while not self._stopping.is_set():
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), RESTART_DELAY)
            if self._stopping.is_set() or await self._can_work():
                return


async def _cancelled(worker: Worker) -> None:
    """Cancel arq's main loop until it ends.

    Once may not do: redis-py sends through `asyncio.wait_for`, and that of Python 3.11 forgets a cancellation which
    comes together with its result.
    """
    while worker.main_task is not None and not worker.main_task.done():
        worker.main_task.cancel()
        await asyncio.sleep(CANCEL_PAUSE)


async def _ended(worker: Worker) -> None:
    """End the worker's jobs: they go on after its main loop has failed, and nobody else would wait for them.

    Those that a stop has cancelled already are letting go of their cases: a second time would cut that off.
    """
    for task in worker.tasks.values():
        if not task.cancelling():
            task.cancel()
    await asyncio.gather(*worker.tasks.values(), return_exceptions=True)
