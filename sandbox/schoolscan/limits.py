"""SchoolScan's rate limits: fixed windows per district, reads apart from writes."""

import math
from dataclasses import dataclass, field

READ_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


@dataclass(slots=True)
class Limits:
    """Settable while running. `window_seconds` is a minute in the real thing."""

    reads: int = 300
    writes: int = 60
    window_seconds: int = 60
    _spent: dict[tuple[str, str], tuple[int, int]] = field(default_factory=dict)

    def take(self, district: str, method: str, now: float) -> tuple[bool, dict[str, str]]:
        """Whether the request may pass, and the headers that its answer carries. A refused request costs nothing."""
        window = math.floor(now / self.window_seconds)
        key = (district, "read" if method in READ_METHODS else "write")
        started, before = self._spent.get(key, (window, 0))
        spent = before if started == window else 0
        passes = spent < self._limit(method)
        self._spent[key] = (window, spent + passes)
        return passes, self._headers(method, spent + passes, window)

    def untouched(self, method: str, now: float) -> dict[str, str]:
        """The headers of an answer to nobody: its window has not been used."""
        return self._headers(method, 0, math.floor(now / self.window_seconds))

    def forget(self) -> None:
        """Begin new windows for everybody."""
        self._spent.clear()

    def _limit(self, method: str) -> int:
        return self.reads if method in READ_METHODS else self.writes

    def _headers(self, method: str, spent: int, window: int) -> dict[str, str]:
        limit = self._limit(method)
        return {
            "X-RateLimit-Limit": str(limit),
            "X-RateLimit-Remaining": str(max(limit - spent, 0)),
            "X-RateLimit-Reset": str((window + 1) * self.window_seconds),
        }
