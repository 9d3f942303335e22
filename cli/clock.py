"""The clock of a process, kept in step with Redis's for as long as the process runs."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import structlog

from remediation.errors import StoreUnavailable
from remediation.store.connection import Connection
from remediation.store.shared_clock import SharedClock

logger = structlog.get_logger()

KEEP_SECONDS = 5.0
"""How often Redis is asked. Between two answers a machine's clock strays by microseconds; a fail-over to a Redis whose
clock differs is noticed within this."""

WORTH_TELLING = 2.0
"""Seconds by which a machine's clock may differ from Redis's before its operator is told."""


@contextlib.asynccontextmanager
async def open_clock(connection: Connection) -> AsyncIterator[SharedClock]:
    """A clock that goes on asking for as long as this is open; while Redis is away it goes on by itself."""
    clock = SharedClock(connection)
    keeping = asyncio.create_task(keep(clock))
    try:
        yield clock
    finally:
        keeping.cancel()
        await asyncio.gather(keeping, return_exceptions=True)


async def keep(clock: SharedClock) -> None:
    """Ask again and again. Says once that the machine's clock is wrong, and once more after it was right."""
    was_wrong = False
    while True:
        with contextlib.suppress(StoreUnavailable):
            await clock.set()
            is_wrong = abs(clock.difference) > WORTH_TELLING
            if is_wrong and not was_wrong:
                logger.warning("clock_differs", seconds=round(clock.difference, 1))
            was_wrong = is_wrong
        await asyncio.sleep(KEEP_SECONDS)
