"""One reading for all who ask: how many ask must not matter to Redis."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

ValueT = TypeVar("ValueT")


class SharedReading(Generic[ValueT]):
    """Reads once for all who ask at the same time, and gives what was read to those who ask within `seconds` of that.

    An error is told to those who wait for it, and the next one reads again. `steady` is a monotonic clock.
    """

    def __init__(
        self, read: Callable[[], Awaitable[ValueT]], seconds: float = 0.0, steady: Callable[[], float] = time.monotonic
    ) -> None:
        self._read = read
        self._seconds = seconds
        self._steady = steady
        self._reading: asyncio.Task[ValueT] | None = None
        self._begun_at = 0.0

    async def __call__(self) -> ValueT:
        """What is being read, or was read no longer ago than `seconds`."""
        if self._reading is None or self._is_old(self._reading):
            self._begun_at = self._steady()
            self._reading = asyncio.create_task(self._value())
        return await asyncio.shield(self._reading)

    def _is_old(self, reading: "asyncio.Task[ValueT]") -> bool:
        if not reading.done():
            return False
        has_failed = reading.cancelled() or reading.exception() is not None
        return has_failed or self._steady() - self._begun_at >= self._seconds

    async def _value(self) -> ValueT:
        return await self._read()
