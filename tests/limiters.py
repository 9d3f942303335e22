"""Three kinds of rate limiter, as senders of `X-RateLimit-*` have them. Their resets are whole seconds, rounded up.

Each counts what it has refused. `take` returns whether the request passes, and the headers' limit, remaining and reset.
"""

import math
from collections import deque
from dataclasses import dataclass, field

WINDOW = 60.0

Told = tuple[bool, int, int, int]


@dataclass
class FixedWindow:
    """So many requests from one full minute to the next."""

    limit: int
    refused: int = 0
    passed: int = 0
    _window: int = -1
    _spent: int = 0

    def take(self, now: float) -> Told:
        window = math.floor(now / WINDOW)
        if window != self._window:
            self._window, self._spent = window, 0
        passes = self._spent < self.limit
        self._spent += passes
        self.passed += passes
        self.refused += not passes
        return passes, self.limit, self.limit - self._spent, math.ceil((window + 1) * WINDOW)


@dataclass
class SlidingLog:
    """So many requests in any minute; the reset is when the oldest one is a minute old."""

    limit: int
    refused: int = 0
    passed: int = 0
    _log: deque[float] = field(default_factory=deque)

    def take(self, now: float) -> Told:
        while self._log and self._log[0] <= now - WINDOW:
            self._log.popleft()
        passes = len(self._log) < self.limit
        if passes:
            self._log.append(now)
        self.passed += passes
        self.refused += not passes
        return passes, self.limit, self.limit - len(self._log), math.ceil(self._log[0] + WINDOW)


@dataclass
class Bucket:
    """A bucket that a minute fills; the reset is when it will be full."""

    limit: int
    refused: int = 0
    passed: int = 0
    _tokens: float = -1.0
    _at: float = 0.0

    def take(self, now: float) -> Told:
        rate = self.limit / WINDOW
        self._tokens = self.limit if self._tokens < 0 else min(self.limit, self._tokens + (now - self._at) * rate)
        self._at = now
        passes = self._tokens >= 1
        self._tokens -= passes
        self.passed += passes
        self.refused += not passes
        return passes, self.limit, math.floor(self._tokens), math.ceil(now + (self.limit - self._tokens) / rate)


LIMITERS = (FixedWindow, SlidingLog, Bucket)
