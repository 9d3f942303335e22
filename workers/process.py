"""A worker process: two arq workers in one event loop, started again when Redis was away, stopped gently by SIGTERM."""

import asyncio
import contextlib
import signal
from collections.abc import Callable

import structlog
from arq.worker import Worker

from remediation.errors import StoreUnavailable
from workers.resources import Desk

logger = structlog.get_logger()

RESTART_DELAY = 1.0
"""Seconds between the end of an arq worker that lost Redis and the start of the next."""


class Supervisor:
    """Keeps arq workers running until it is told to stop."""

    def __init__(self, desk: Desk, make: tuple[Callable[[], Worker], ...]) -> None:
        self._desk = desk
        self._make = make
        self._running: list[Worker] = []
        self._stopping = asyncio.Event()

    async def run(self) -> None:
        """Run all workers; returns after a stop, when what was running has ended or been given up."""
        with contextlib.suppress(StoreUnavailable):
            await self._desk.todo.sweep(self._desk.clock())  # what was left behind need not wait for the first cron
        await asyncio.gather(*(self._keep_running(make) for make in self._make))

    def stop(self) -> None:
        """Take no new jobs, give the running ones their time, then cancel them. The sweep finds what was cancelled."""
        if self._stopping.is_set():
            return
        logger.info("worker_stopping")
        self._stopping.set()
        for worker in self._running:
            worker.handle_sig_wait_for_completion(signal.SIGTERM)

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
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), RESTART_DELAY)


async def _ended(worker: Worker) -> None:
    """End the worker's jobs: they go on after its main loop has failed, and nobody else would wait for them."""
    for task in worker.tasks.values():
        task.cancel()
    await asyncio.gather(*worker.tasks.values(), return_exceptions=True)
