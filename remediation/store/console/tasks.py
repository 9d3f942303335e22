"""How far the console has come with what somebody confirmed: for all consoles, and also when its process has died."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from remediation.store.console.selections import TASK_LIFETIME, SelectedAct
from remediation.store.deliveries.inbox import milliseconds
from remediation.store.keys import TASK
from remediation.store.server.connection import Connection

SILENT_SECONDS = 15.0
"""After so long without news the process that did it has died, or cannot reach Redis: it tells each second."""

_BECAME = "became:"


class TaskState(StrEnum):
    """How a task stands, as its process last said it."""

    RUNNING = "running"
    DONE = "done"
    """Each piece had its turn."""
    STOPPED = "stopped"
    """Somebody stopped it, before all pieces had their turn."""
    ENDED = "ended"
    """Its process was told to end, and ended it between two pieces."""
    FAILED = "failed"
    """Redis did not take what it wrote, or we have a defect."""


@dataclass(frozen=True, slots=True)
class ConsoleTask:
    """Something that is done to `count` things; `became` says what became of how many so far.

    `began` and `told` (when its process last said something) are Unix seconds; `stop` is who wants it to end, or ''.
    """

    id: str
    act: SelectedAct
    who: str
    choice: str
    count: int
    state: TaskState
    began: float
    told: float
    became: Mapping[str, int]
    stop: str = ""

    @property
    def done(self) -> int:
        """How many things had their turn, at least."""
        return sum(self.became.values())

    def is_silent(self, now: float) -> bool:
        """Whether it should run, and its process says nothing any more."""
        return self.state is TaskState.RUNNING and now - self.told > SILENT_SECONDS


class ConsoleTasks:
    """What consoles do. Every method raises StoreUnavailable."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def one(self, task: str) -> ConsoleTask | None:
        """A task; None where none is known of this id, or not any more."""
        row = await self._connection.ask(self._connection.redis.hgetall(TASK + task))
        known = {name.decode(): value.decode() for name, value in row.items()}
        if known.get("act") not in set(SelectedAct) or known["state"] not in set(TaskState):
            return None
        return ConsoleTask(
            task,
            SelectedAct(known["act"]),
            known["who"],
            known["choice"],
            int(known["count"]),
            TaskState(known["state"]),
            int(known["began"]) / 1000,
            int(known["told"]) / 1000,
            {name.removeprefix(_BECAME): int(value) for name, value in known.items() if name.startswith(_BECAME)},
            known.get("stop", ""),
        )

    async def tell(self, task: str, state: TaskState, became: Mapping[str, int], now: float) -> bool:
        """Say how far it is. Returns whether it is to be stopped."""
        counts = [part for pair in became.items() for part in pair]
        args = (task, int(now * 1000), milliseconds(TASK_LIFETIME), state, *counts)
        return bool(await self._connection.run("note_task", *args))

    async def stop(self, task: str, who: str, audit: bytes) -> bool:
        """Ask that it ends between two things. Returns whether it runs.

        `audit` is the line that is added where it runs and nobody has asked that before.
        """
        return bool(await self._connection.run("stop_task", task, who, audit))
