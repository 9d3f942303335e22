"""What people have confirmed is done here, beside the pages: one thing after another, until it is through or stopped.

How far it is stands in Redis each second, where every console reads it. If this process dies, the rest stays as it was.
"""

import asyncio
import contextlib
from collections import Counter
from collections.abc import Awaitable, Callable, Collection
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any

import structlog

from console.answers import PageRefused
from remediation import telemetry
from remediation.domain.errors import StoreUnavailable
from remediation.operations.pacing import Pace
from remediation.operations.selected import SelectedWork, carried_out
from remediation.operations.stores import OperationStores
from remediation.store.console.tasks import ConsoleTasks, TaskState
from remediation.store.server.connection import cancel_until_done

TELL_SECONDS = 1.0
"""How often a task says how far it is, and learns that somebody wants to stop it."""

MOST_TASKS = 4
"""Tasks that one process does at the same time, each at the pace of a command."""

END_SECONDS = 5.0
"""For how long the end of the process waits for the thing that each task does just then."""

logger = structlog.get_logger()


@dataclass(slots=True)
class _Running:
    """One task. `ending` is how it is to end before it is through; None while it is not to."""

    id: str
    work: SelectedWork
    became: Counter[str] = field(default_factory=Counter)
    ending: TaskState | None = None


class NoTaskPlace(PageRefused):
    """This process does as many tasks as it may, or ends."""

    def __init__(self) -> None:
        super().__init__("This console does as much as it can just now. Wait a moment, and confirm again.")


class TaskRunner:
    """Does tasks in the event loop of this process. `pace` makes the pace of one task."""

    def __init__(self, stores: OperationStores, pace: Callable[[], Pace] = Pace) -> None:
        self._stores = stores
        self._tasks = ConsoleTasks(stores.connection)
        self._pace = pace
        self._running: dict[asyncio.Task[None], _Running] = {}
        self._beginning: set[asyncio.Task[bool]] = set()
        self._is_closed = False

    async def begin_once(self, task: str, taken: Callable[[], Awaitable[SelectedWork | None]]) -> bool:
        """Begin the task with this id, whose work `taken` returns as it writes in Redis that it runs.

        False where `taken` returns None. Raises NoTaskPlace before it calls `taken`, and what that raises. Once it is
        called, the task begins or is told as ended, also where whoever waits here is cancelled.
        """
        if self._is_closed or len(self._running) + len(self._beginning) >= MOST_TASKS:
            raise NoTaskPlace
        beginning = asyncio.create_task(self._begin_taken(task, taken))
        self._beginning.add(beginning)
        return await asyncio.shield(beginning)

    async def _begin_taken(self, task: str, taken: Callable[[], Awaitable[SelectedWork | None]]) -> bool:
        try:
            work = await taken()
        finally:  # from here to its beginning nothing comes between
            self._beginning.difference_update({asyncio.current_task()})
        if work is not None:
            self.begin(task, work)
        return work is not None

    def begin(self, task: str, work: SelectedWork) -> None:
        """Begin a task, of which Redis says already that it runs (see Selections.use)."""
        running = _Running(task, work, ending=TaskState.ENDED if self._is_closed else None)
        began = asyncio.create_task(self._run(running))
        self._running[began] = running
        began.add_done_callback(self._running.pop)

    async def close(self) -> None:
        """End every task between two things, also one about to begin, and say so in Redis. None begins later."""
        self._is_closed = True
        for running in self._running.values():
            running.ending = running.ending or TaskState.ENDED
        ends_at = asyncio.get_running_loop().time() + END_SECONDS
        await _end(self._beginning, ends_at)
        await _end(self._running, ends_at)

    async def _run(self, running: _Running) -> None:
        state = TaskState.FAILED
        telling = asyncio.create_task(self._tell_on(running))
        try:
            state = await self._work(running)
        except asyncio.CancelledError:
            state = TaskState.ENDED
        except StoreUnavailable as error:
            logger.warning("task_without_store", reason=error.reason)
        except Exception as error:  # a defect of ours ends this task, and nothing else
            logger.exception("task_failed")
            telemetry.report(error)
        finally:
            await cancel_until_done(telling)
            await self._tell(running, state)
            logger.info("task_ended", action=running.work.act, state=state, count=sum(running.became.values()))

    async def _work(self, running: _Running) -> TaskState:
        if running.ending:
            return running.ending
        async with aclosing(carried_out(self._stores, running.work, self._pace())) as pieces:
            async for _, outcome in pieces:
                running.became[outcome] += 1
                if running.ending and running.became.total() < len(running.work.names):
                    return running.ending
        return TaskState.DONE

    async def _tell_on(self, running: _Running) -> None:
        while True:
            await asyncio.sleep(TELL_SECONDS)
            if await self._tell(running, TaskState.RUNNING):
                running.ending = running.ending or TaskState.STOPPED

    async def _tell(self, running: _Running, state: TaskState) -> bool:
        """Say how far it is. Returns whether it is to be stopped; not while Redis is away."""
        with contextlib.suppress(StoreUnavailable):
            return await self._tasks.tell(running.id, state, running.became, self._stores.clock())
        return False


async def _end(tasks: Collection[asyncio.Task[Any]], ends_at: float) -> None:
    """Wait for these until then (the event loop's time); those that are not through by then are cancelled."""
    if not tasks:
        return
    _, late = await asyncio.wait(list(tasks), timeout=max(0.0, ends_at - asyncio.get_running_loop().time()))
    for each in late:
        await cancel_until_done(each)
