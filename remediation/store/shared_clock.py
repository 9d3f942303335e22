"""One clock for all who work on the same Redis: Redis's own.

What one worker writes down with a time, another compares with its own: when a create was about to be sent, when a case
is due. With the clocks of their machines, an intent of somebody whose clock is behind would be past its horizon before
its ticket can be found, and a second ticket would be opened.
"""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable

import structlog

from remediation.errors import StoreUnavailable
from remediation.store.connection import Connection

logger = structlog.get_logger()

KEEP_SECONDS = 5.0
"""How often Redis is asked. Between two answers a machine's clock strays by microseconds; a fail-over to a Redis whose
clock differs is noticed within this."""

BLURRED_SECONDS = 0.25
"""An answer that took longer says too little: nobody knows when on its way it was true. The first one counts anyway."""

WORTH_TELLING = 2.0
"""Seconds by which a machine's clock may differ from Redis's before its operator is told."""


class SharedClock:
    """Answers Unix seconds as Redis counts them; as the machine does until Redis was asked for the first time.

    In between it goes by the steady clock: whoever sets the machine's clock does not move it.
    """

    def __init__(
        self,
        connection: Connection,
        *,
        machine: Callable[[], float] = time.time,
        steady: Callable[[], float] = time.monotonic,
    ) -> None:
        self._connection = connection
        self._machine, self._steady = machine, steady
        self._ahead = machine() - steady()
        self._is_set = False

    def __call__(self) -> float:
        """Unix seconds now."""
        return self._steady() + self._ahead

    async def set(self) -> None:
        """Ask Redis what time it is. Raises StoreUnavailable; the clock goes on as before then."""
        began = self._steady()
        seconds, microseconds = await self._connection.ask(self._connection.redis.time())
        took = self._steady() - began
        if took > BLURRED_SECONDS and self._is_set:
            return
        self._ahead = seconds + microseconds / 1e6 - (began + took / 2)
        if not self._is_set:
            self._is_set = True
            self._tell()

    def _tell(self) -> None:
        difference = self() - self._machine()
        if abs(difference) > WORTH_TELLING:
            logger.warning("clock_differs", seconds=round(difference, 1))


@contextlib.asynccontextmanager
async def open_clock(connection: Connection) -> AsyncIterator[SharedClock]:
    """A clock that goes on asking for as long as this is open; while Redis is away it goes on by itself."""
    clock = SharedClock(connection)
    keeping = asyncio.create_task(_keep(clock))
    try:
        yield clock
    finally:
        keeping.cancel()
        await asyncio.gather(keeping, return_exceptions=True)


async def _keep(clock: SharedClock) -> None:
    while True:
        with contextlib.suppress(StoreUnavailable):
            await clock.set()
        await asyncio.sleep(KEEP_SECONDS)
