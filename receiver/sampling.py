"""Log lines for what strangers can cause as often as they like: one now and then, with how many there were."""

from collections.abc import Callable

SECONDS = 10.0
"""The least time between two lines of one kind."""


class Sampled:
    """Says when a line is due, for each kind of its own. Kinds are words of ours: there are few."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._told_at: dict[str, float] = {}
        self._untold: dict[str, int] = {}

    def count(self, kind: str) -> int:
        """It happened once more. How many a line should tell of now, since the line before; 0: write none."""
        now, untold = self._clock(), self._untold.get(kind, 0) + 1
        if now - self._told_at.get(kind, -SECONDS) < SECONDS:
            self._untold[kind] = untold
            return 0
        self._told_at[kind], self._untold[kind] = now, 0
        return untold
