"""Writing log lines without making the caller wait. Lines that cannot be written are lost, counted and reported.

A pipe whose reader stands still, and a disk that hangs or is full, must cost log lines only, not an answer or the event
loop. So a thread writes, directly to the descriptor, and only a limited number of lines waits for it.
"""

import contextlib
import os
import select
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from enum import StrEnum
from queue import Empty, SimpleQueue

_MOST_LINES = 10_000
"""Lines that may wait: some megabytes, and ten seconds' worth at 1,000 deliveries a second."""

AT_ONCE = 200
"""Waiting lines that are written together at most."""

TOLD_FOR = 300.0
"""Seconds for which a loss is reported after the last lost line."""

_PAUSE = 0.02
"""Seconds between two writes while fewer lines come than are written together. Of the time of a process that logs
thousands of lines a second, a thread that wakes for each line takes a tenth; one that wakes every 5 ms, a twentieth."""

_FLUSH_SECONDS = 1.0
"""Seconds that a process waits at its end for its lines to be written, at most."""

_WAIT_MS = 1_000

_PROBLEM = "log lines are lost: whoever reads standard error is gone or too slow, or its disk is full"


class Loss(StrEnum):
    """Why a line was lost."""

    SLOW = "slow"
    """Too many lines wait: their reader stands still or is too slow."""
    UNWRITABLE = "unwritable"
    """The descriptor took nothing: its reader is gone, or its disk is full."""
    DEFECT = "defect"
    """The line could not be made: a defect of ours."""


class Losses:
    """The lines that were lost since the process began. `clock` is monotonic, in seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lines: Counter[Loss] = Counter()
        self._last: float | None = None

    @property
    def lines(self) -> Mapping[Loss, int]:
        """How many were lost, by reason; every reason is present from the start."""
        return {loss: self._lines[loss] for loss in Loss}

    @property
    def total(self) -> int:
        """How many were lost in all."""
        return self._lines.total()

    @property
    def is_recent(self) -> bool:
        """Whether a line was lost so recently that it is still reported."""
        return self._last is not None and self._clock() - self._last < TOLD_FOR

    @property
    def problems(self) -> tuple[str, ...]:
        """What a person must correct, for as long as the last loss is reported."""
        return (_PROBLEM,) if self.is_recent else ()

    def note(self, loss: Loss, count: int = 1) -> None:
        """Count so many more."""
        self._lines[loss] += count
        self._last = self._clock()


class LogWriter:
    """Writes lines to a descriptor, in a thread.

    `write` never waits and never raises; any thread may call it, also a finalizer. `tell` is called in the writing
    thread with the number of lost lines, once lines can be written again: it logs them. A process that is killed loses
    the lines of its last milliseconds.
    """

    def __init__(
        self, descriptor: int, losses: Losses, tell: Callable[[int], None], *, most_lines: int = _MOST_LINES
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
        """Have the line written, with its end of line. It is lost where too many wait."""
        if self._waiting.qsize() >= self._most_lines:
            self._losses.note(Loss.SLOW)
            return
        self._waiting.put(f"{line}\n")

    def flush(self, seconds: float = _FLUSH_SECONDS) -> bool:
        """Wait until the lines so far are written or lost, at most for `seconds`. Returns whether they are."""
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
            if len(batch) < AT_ONCE:
                time.sleep(_PAUSE)

    def _next(self) -> list[str | threading.Event]:
        """The next line, and all that wait behind it."""
        batch = [self._waiting.get()]
        with contextlib.suppress(Empty):
            while len(batch) < AT_ONCE:
                batch.append(self._waiting.get_nowait())
        return batch

    def _put(self, lines: list[str]) -> None:
        left = len(lines)
        try:
            for count, piece in _pieces(lines):
                self._write_all(piece)
                left -= count
        except (OSError, ValueError):
            self._is_torn = True
            self._losses.note(Loss.UNWRITABLE, left)
        else:
            self._tell_losses()

    def _write_all(self, content: bytes) -> None:
        """The first line after a partly written one begins on a new line."""
        left = memoryview(b"\n" + content if self._is_torn else content)
        while left:
            try:
                left = left[os.write(self._descriptor, left) :]
            except BlockingIOError:  # another process that shares the descriptor has made it non-blocking
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


def _pieces(lines: Iterable[str]) -> Iterator[tuple[int, bytes]]:
    """These lines in pieces, and how many are in each.

    A piece has PIPE_BUF bytes at most, unless it is one longer line: so much is written to a pipe in one go, and the
    lines of several processes that share it do not tear each other.
    """
    count, piece = 0, bytearray()
    for line in lines:
        content = line.encode("utf-8", "backslashreplace")
        if piece and len(piece) + len(content) > select.PIPE_BUF:
            yield count, bytes(piece)
            count, piece = 0, bytearray()
        count += 1
        piece += content
    if piece:
        yield count, bytes(piece)
