"""When a process that has died is started again, and when that is given up."""

from collections import deque
from collections.abc import Callable

PAUSES = (0.0, 0.5, 1.0, 2.0, 4.0)
"""Seconds before each start. One more death within WITHIN is the last: its cause has not gone away."""

WITHIN = 600.0
"""Seconds."""


class Restarts:
    """The starts after a death, of one process or of several of a kind. `clock` is monotonic, in seconds."""

    def __init__(self, clock: Callable[[], float], pauses: tuple[float, ...] = PAUSES) -> None:
        self._clock = clock
        self._pauses = pauses
        self._starts: deque[float] = deque()
        self.is_given_up = False
        """Whether there were too many at one time."""

    @property
    def recent(self) -> int:
        """How many there were within WITHIN."""
        return len(self._starts)

    def next_pause(self) -> float | None:
        """Seconds before the next start, which counts as begun; None where there were too many lately."""
        now = self._clock()
        while self._starts and now - self._starts[0] > WITHIN:
            self._starts.popleft()
        if len(self._starts) >= len(self._pauses):
            self.is_given_up = True
            return None
        self._starts.append(now)
        return self._pauses[len(self._starts) - 1]
