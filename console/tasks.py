"""What people have confirmed is done here, beside the pages: one thing after another, until it is through or stopped.

How far it is stands in Redis each second, where every console reads it. If this process dies, the rest stays as it was.
"""

import asyncio
import contextlib
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import aclosing
from dataclasses import dataclass, field

import structlog

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


class TaskRunner:
    """Does tasks in the event loop of this process. `pace` makes the pace of one task."""

    def __init__(self, stores: OperationStores, pace: Callable[[], Pace] = Pace) -> None:
        self._stores = stores
        self._tasks = ConsoleTasks(stores.connection)
        self._pace = pace
        self._running: dict[asyncio.Task[None], _Running] = {}
        self._kept = 0
        self._is_closed = False

    @contextlib.contextmanager
    def place(self) -> Iterator[bool]:
        """A place for a task that may begin within this context, kept from others meanwhile. False: there is none."""
        has_room = not self._is_closed and len(self._running) + self._kept < MOST_TASKS
        self._kept += has_room
        try:
            yield has_room
        finally:
            self._kept -= has_room

    def begin(self, task: str, work: SelectedWork) -> None:
        """Begin a task, whose id stands in Redis already (see Selections.use). Only within a place that is kept."""
        running = _Running(task, work)
        began = asyncio.create_task(self._run(running))
        self._running[began] = running
        began.add_done_callback(self._running.pop)

    async def close(self) -> None:
        """End every task between two things, and say so in Redis. No other one begins afterwards."""
        self._is_closed = True
        left = dict(self._running)
        for running in left.values():
            running.ending = running.ending or TaskState.ENDED
        if left:
            _, late = await asyncio.wait(left, timeout=END_SECONDS)
            for each in late:
                await cancel_until_done(each)

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
