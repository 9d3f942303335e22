"""What a process counts for charts goes to Redis every few seconds, and when the process ends."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable

import structlog

from remediation.domain.errors import StoreUnavailable
from remediation.store.activity.hours import ActivityWriter
from remediation.store.activity.tally import ActivityTally
from remediation.store.server.connection import Connection, cancel_until_done

logger = structlog.get_logger()

WRITE_SECONDS = 10.0
"""Seconds between two messages: so much of the counts is lost with a process that is killed."""

_LAST_SECONDS = 1.0
"""Seconds for the message that a process sends when it ends."""


@contextlib.asynccontextmanager
async def writing_activity(
    connection: Connection, tally: ActivityTally, clock: Callable[[], float], every: float = WRITE_SECONDS
) -> AsyncIterator[None]:
    """Add what is counted in `tally` to the sums in Redis, every so many seconds while this context is open.

    A Redis that is away, or a user that may not write here, ends nothing: the sums wait, and their number is bounded.
    `clock` returns Unix seconds as the store counts them.
    """
    writer = ActivityWriter(connection, tally)
    writing = asyncio.create_task(_write_on(writer, clock, every))
    try:
        yield
    finally:
        await cancel_until_done(writing)
        with contextlib.suppress(Exception):
            async with asyncio.timeout(_LAST_SECONDS):
                await writer.write(clock())


async def _write_on(writer: ActivityWriter, clock: Callable[[], float], every: float) -> None:
    while True:
        await asyncio.sleep(every)
        try:
            await writer.write(clock())
        except StoreUnavailable:
            pass  # the code that uses Redis reports that
        except Exception as error:  # noqa: BLE001 - nothing that is only for charts may end a process
            logger.warning("activity_not_written", error=type(error).__name__)
