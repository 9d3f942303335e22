"""The deadlines of requests: one timer for all of them, instead of one for each step of each."""

import asyncio
import math
from types import TracebackType
from typing import Self

from remediation.domain.errors import RemediationError

TICK = 0.05
"""Seconds between two looks at the deadlines: so much after its deadline a request may end."""


class Deadline:
    """The deadline of one request, as a context around its work. When the time is over, its error is raised there.

    As with asyncio.timeout, the task is cancelled for that, and a cancellation by others is passed on.
    """

    __slots__ = ("_all", "_at", "_cancelling", "_error", "_is_over", "_task")

    def __init__(self, all_of_them: "Deadlines") -> None:
        self._all = all_of_them
        self._at, self._error = all_of_them.latest
        self._is_over = False

    def set(self, seconds: float, error: type[RemediationError]) -> None:
        """From now on the work has so many seconds, in place of those before, and at most until all end."""
        self._at, self._error = asyncio.get_running_loop().time() + seconds, error
        self.bring_forward()

    def bring_forward(self) -> None:
        """The work ends when all end, if that is sooner."""
        if self._all.latest[0] < self._at:
            self._at, self._error = self._all.latest

    def look(self, now: float) -> None:
        """End the work where its time is over."""
        if now >= self._at and not self._is_over:
            self._is_over = True
            self._task.cancel()

    def __enter__(self) -> Self:
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("only a task has a deadline")
        self._task, self._cancelling = task, task.cancelling()
        self._all.add(self)
        return self

    def __exit__(self, kind: type[BaseException] | None, _error: object, _trace: TracebackType | None) -> None:
        self._all.discard(self)
        if self._is_over and self._task.uncancel() <= self._cancelling and kind is asyncio.CancelledError:
            raise self._error("the time is over") from None


class Deadlines:
    """The deadlines of all requests in hand. While there are any, a timer looks at them at every TICK.

    `latest` is when all end, in the event loop's time, and with which error.
    """

    def __init__(self) -> None:
        self.latest: tuple[float, type[RemediationError]] = (math.inf, RemediationError)
        self._open: set[Deadline] = set()
        self._timer: asyncio.TimerHandle | None = None

    @property
    def is_watched(self) -> bool:
        """Whether the timer runs."""
        return self._timer is not None

    def add(self, deadline: Deadline) -> None:
        """Look at this one, too."""
        self._open.add(deadline)
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(TICK, self._tick)

    def discard(self, deadline: Deadline) -> None:
        """Its work has ended."""
        self._open.discard(deadline)

    def end(self, at: float, error: type[RemediationError]) -> None:
        """All end at this time of the event loop at the latest, also those to come."""
        self.latest = at, error
        for deadline in self._open:
            deadline.bring_forward()
        self._look()

    def _tick(self) -> None:
        self._look()
        self._timer = asyncio.get_running_loop().call_later(TICK, self._tick) if self._open else None

    def _look(self) -> None:
        now = asyncio.get_running_loop().time()
        for deadline in self._open:
            deadline.look(now)
