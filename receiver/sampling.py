"""Rate-limited log lines for events that anybody can cause: one line now and then, with the number of events."""

from collections.abc import Callable

SECONDS = 10.0
"""The least number of seconds between two lines of one kind."""


class Sampled:
    """Counts events and says when a log line is due, for each kind. Kinds are our own words, so there are few."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._told_at: dict[str, float] = {}
        self._untold: dict[str, int] = {}

    def count(self, kind: str) -> int:
        """Count one event. Returns the number of events since the last line where a line is due now, otherwise 0."""
        now, untold = self._clock(), self._untold.get(kind, 0) + 1
        if now - self._told_at.get(kind, -SECONDS) < SECONDS:
            self._untold[kind] = untold
            return 0
        self._told_at[kind], self._untold[kind] = now, 0
        return untold
