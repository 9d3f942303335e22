"""Log lines on their way out: whoever logs waits for nobody, and what cannot be written is lost, counted and told.

A pipe whose reader stands still, a disk that hangs and one that is full must cost lines, and neither an answer nor the
event loop. So a thread writes, straight to the descriptor, and at most MOST_LINES wait for it.
"""

import contextlib
import os
import select
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from enum import StrEnum
from queue import Empty, SimpleQueue

MOST_LINES = 10_000
"""That wait to be written: some megabytes, and at 1,000 deliveries a second what comes in ten."""

AT_ONCE = 200
"""Lines that are written together, when they wait anyway."""

TOLD_FOR = 300.0
"""Seconds for which a loss is told after the last line that was lost."""

FLUSH_SECONDS = 1.0
"""What the end of a process waits for lines to be written, at most."""

_WAIT_MS = 1_000

_PROBLEM = "log lines are lost: whoever reads standard error is gone or too slow, or its disk is full"


class Loss(StrEnum):
    """Why a line was lost."""

    SLOW = "slow"
    """Too many wait: whoever reads them stands still, or is too slow."""
    UNWRITABLE = "unwritable"
    """The descriptor took nothing: its reader is gone, its disk is full."""
    DEFECT = "defect"
    """It could not be made: a defect of ours."""


class Losses:
    """Lines that were lost, since when the process began. `clock` is a steady one, in seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lines: Counter[Loss] = Counter()
        self._last: float | None = None

    @property
    def lines(self) -> Mapping[Loss, int]:
        """How many, by why; each is there from the start."""
        return {loss: self._lines[loss] for loss in Loss}

    @property
    def total(self) -> int:
        """How many in all."""
        return self._lines.total()

    @property
    def is_recent(self) -> bool:
        """Whether one was lost so lately that a person should hear of it."""
        return self._last is not None and self._clock() - self._last < TOLD_FOR

    @property
    def problems(self) -> tuple[str, ...]:
        """What a person must mend, for as long as the last loss is told."""
        return (_PROBLEM,) if self.is_recent else ()

    def note(self, loss: Loss, count: int = 1) -> None:
        """So many more."""
        self._lines[loss] += count
        self._last = self._clock()


class LogWriter:
    """Writes lines to a descriptor. `write` never waits and never raises; any thread may call it, a finalizer too.

    `tell` is called in the writing thread when lines can be written again after some were lost, with their number: it
    logs that. What was not written when the process is killed is lost with it: that is milliseconds.
    """

    def __init__(
        self, descriptor: int, losses: Losses, tell: Callable[[int], None], *, most_lines: int = MOST_LINES
    ) -> None:
        self._descriptor = descriptor
        self._losses = losses
        self._tell = tell
        self._most_lines = most_lines
        self._waiting: SimpleQueue[str | threading.Event] = SimpleQueue()
        self._told = losses.total
        self._is_torn = False
        threading.Thread(target=self._write_on, name="log_writer", daemon=True).start()

    def write(self, line: str) -> None:
        """Have the line written, with its end of line; or lose it, where too many wait."""
        if self._waiting.qsize() >= self._most_lines:
            self._losses.note(Loss.SLOW)
            return
        self._waiting.put(f"{line}\n")

    def flush(self, seconds: float = FLUSH_SECONDS) -> bool:
        """Wait until what was logged so far is written or lost, but no longer than this. Answers whether it is."""
        reached = threading.Event()
        self._waiting.put(reached)
        return reached.wait(seconds)

    def _write_on(self) -> None:
        while True:
            batch = self._next()
            if lines := [each for each in batch if isinstance(each, str)]:
                self._put(lines)
            for each in batch:
                if isinstance(each, threading.Event):
                    each.set()

    def _next(self) -> list[str | threading.Event]:
        """What is next, and what waits behind it."""
        batch = [self._waiting.get()]
        with contextlib.suppress(Empty):
            while len(batch) < AT_ONCE:
                batch.append(self._waiting.get_nowait())
        return batch

    def _put(self, lines: list[str]) -> None:
        try:
            self._write_all("".join(lines).encode("utf-8", "backslashreplace"))
        except (OSError, ValueError):
            self._is_torn = True
            self._losses.note(Loss.UNWRITABLE, len(lines))
        else:
            self._tell_losses()

    def _write_all(self, content: bytes) -> None:
        """The first line after one that was cut off begins a new one."""
        left = memoryview(b"\n" + content if self._is_torn else content)
        while left:
            try:
                left = left[os.write(self._descriptor, left) :]
            except BlockingIOError:  # somebody who shares the descriptor made it so
                self._wait()
        self._is_torn = False

    def _wait(self) -> None:
        poll = select.poll()
        poll.register(self._descriptor, select.POLLOUT)
        poll.poll(_WAIT_MS)

    def _tell_losses(self) -> None:
        if (total := self._losses.total) > self._told:
            lost, self._told = total - self._told, total
            self._tell(lost)
