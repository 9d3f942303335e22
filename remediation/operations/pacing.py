"""How fast many pieces are done one after another."""

import asyncio
import time
from collections.abc import Awaitable, Callable

RATE = 50
"""Pieces a second. Workers take them up worst first and within every limit; the pauses keep the wake-ups of ten
thousand pieces from delaying all other work."""

AT_ONCE = 25
"""Up to this many need no pause and no progress bar."""


class Pace:
    """Keeps pieces to `rate` a second, with a pause after each AT_ONCE of them.

    `steady` is a monotonic clock; `sleep` waits for so many seconds.
    """

    def __init__(
        self,
        rate: int = RATE,
        steady: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._rate = rate
        self._steady = steady
        self._sleep = sleep
        self._began = steady()
        self._done = 0

    async def turn(self) -> None:
        """Wait until the next piece may be done."""
        if self._done and self._done % AT_ONCE == 0:
            await self._sleep(max(0.0, self._began + self._done / self._rate - self._steady()))
        self._done += 1
