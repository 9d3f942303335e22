"""Polling files that may change: every second, or at once where somebody asks."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from typing import Protocol

import structlog

logger = structlog.get_logger()

POLL_SECONDS = 1.0

Failed = Callable[[Exception], None]
"""Notes a mistake of ours in a poll, which is logged."""


class Poll(Protocol):
    """Looks once at the files."""

    async def __call__(self, *, was_asked: bool) -> None:
        """`was_asked`: somebody wants it now."""


class Poller:
    """The task that polls one process's files, and whoever asks it to look now."""

    def __init__(self, event: str) -> None:
        """`event` is the name of the log line about a poll that failed."""
        self._event = event
        self._asked = asyncio.Event()

    def ask(self) -> None:
        """Look now, without waiting for the next second."""
        self._asked.set()

    @contextlib.asynccontextmanager
    async def polling(self, poll: Poll, failed: Failed) -> AsyncIterator[None]:
        """Poll while this context is open, whatever goes wrong in one of the polls."""
        task = asyncio.create_task(self._poll_on(poll, failed))
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _poll_on(self, poll: Poll, failed: Failed) -> None:
        while True:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._asked.wait(), POLL_SECONDS)
            was_asked = self._asked.is_set()
            self._asked.clear()
            try:
                await poll(was_asked=was_asked)
            except Exception as error:
                failed(error)
                logger.exception(self._event, error=type(error).__name__)


class Asks(Protocol):
    """Files that are read again when somebody asks."""

    def ask(self) -> None:
        """Read what has changed now."""


def all_asked(*files: Asks) -> None:
    """Read all of these files' changes now."""
    for each in files:
        each.ask()
