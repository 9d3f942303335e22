"""The clock of a process, kept in step with Redis's for as long as the process runs."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import structlog

from remediation.domain.errors import StoreRefuses, StoreUnavailable
from remediation.store.server.clock import SharedClock
from remediation.store.server.connection import Connection, cancel_until_done

logger = structlog.get_logger()

KEEP_SECONDS = 5.0
"""Seconds between two questions to Redis. Meanwhile a machine's clock drifts by microseconds; a fail-over to a Redis
with another clock is noticed within this time."""

WORTH_TELLING = 2.0
"""Seconds by which a machine's clock and Redis's may differ before that is logged."""


@contextlib.asynccontextmanager
async def open_clock(connection: Connection) -> AsyncIterator[SharedClock]:
    """A clock that is corrected while this context is open; while Redis is away it runs on by itself."""
    clock = SharedClock(connection)
    keeping = asyncio.create_task(keep(clock))
    try:
        yield clock
    finally:
        await cancel_until_done(keeping)


async def clock_of(connection: Connection) -> SharedClock:
    """A clock that was set once, for a command. Raises StoreUnavailable."""
    clock = SharedClock(connection)
    await clock.set()
    return clock


async def keep(clock: SharedClock) -> None:
    """Ask again and again. Logs once that the machine's clock differs from Redis's, and again after they agreed.

    `seconds` is by how much Redis's is ahead. Which one is right cannot be told here.
    """
    differed = False
    while True:
        try:
            await clock.set()
        except StoreRefuses as error:  # our Redis user may not ask for the time
            logger.warning("clock_not_set", error=type(error).__name__, reason=error.reason)
        except StoreUnavailable:
            pass  # the code that uses Redis reports that
        except Exception as error:  # noqa: BLE001 - nothing ends this but the process
            logger.warning("clock_not_set", error=type(error).__name__)
        else:
            if (differs := abs(clock.difference) > WORTH_TELLING) and not differed:
                logger.warning("clock_differs", seconds=round(clock.difference, 1))
            differed = differs
        await asyncio.sleep(KEEP_SECONDS)
