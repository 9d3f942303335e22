"""What a process reports while it runs, so that `remedy doctor` can name processes that are missing or differ."""

import asyncio
import contextlib
import os
import socket
from collections.abc import AsyncIterator, Callable, Sequence

import structlog

from remediation.domain.errors import StoreUnavailable
from remediation.redaction import plain
from remediation.sources.connections import installed_version
from remediation.store.processes import TELL_SECONDS, Process, Processes, Role
from remediation.store.server.connection import Connection, cancel_until_done

logger = structlog.get_logger()

_LONGEST_HOST = 63
_LEAVE_SECONDS = 1.0
"""Seconds for the report that a process ends. Without it the process is forgotten a little later."""


def version() -> str:
    """The version of this code; empty when it runs from a tree that is not installed."""
    return installed_version()


@contextlib.asynccontextmanager
async def open_heartbeat(
    connection: Connection,
    role: Role,
    mappings: Callable[[], str],
    clock: Callable[[], float],
    keys: Callable[[], Sequence[str]] = tuple,
) -> AsyncIterator[None]:
    """Report every few seconds while this context is open.

    `mappings` returns the digest of the rules in use, `keys` the ids of the data keys.

    A Redis that is away, or a user that may not write here, ends nothing.
    """
    processes = Processes(connection)
    heart = _Heart(processes, role, mappings, clock, keys)
    telling = asyncio.create_task(heart.beat())
    try:
        yield
    finally:
        await cancel_until_done(telling)
        await heart.stop()


class _Heart:
    def __init__(
        self,
        processes: Processes,
        role: Role,
        mappings: Callable[[], str],
        clock: Callable[[], float],
        keys: Callable[[], Sequence[str]],
    ) -> None:
        self._processes = processes
        self._role = role
        self._mappings = mappings
        self._keys = keys
        self._clock = clock
        self._id = f"{plain(socket.gethostname(), _LONGEST_HOST)}/{os.getpid()}"
        self._started = round(clock(), 3)
        self._told: Process | None = None
        self._telling: Process | None = None

    async def beat(self) -> None:
        """Report for ever."""
        while True:
            keys = ",".join(self._keys())
            self._telling = now = Process(self._id, self._role, version(), self._started, self._mappings(), keys)
            try:
                await self._processes.tell(now, self._clock(), self._told)
                self._told = now
            except StoreUnavailable:
                pass  # the code that uses Redis reports that
            except Exception as error:  # noqa: BLE001 - nothing that is told only to operators may end a process
                logger.warning("process_not_told", error=type(error).__name__)
            await asyncio.sleep(TELL_SECONDS)

    async def stop(self) -> None:
        """Report the end, if Redis takes it at once.

        A report that was cut off may have reached Redis: it is withdrawn, too.
        """
        with contextlib.suppress(Exception):
            async with asyncio.timeout(_LEAVE_SECONDS):
                for process in filter(None, {self._told, self._telling}):
                    await self._processes.leave(process)
