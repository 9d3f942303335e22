"""The checks of Redis before a process begins, and until it may begin: those of /readyz and `remedy doctor`."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable

import structlog

from remediation.domain.errors import StoreRefuses
from remediation.store.server.connection import Connection, cancel_until_done
from remediation.store.server.readiness import StoreState, store_state

logger = structlog.get_logger()

PAUSE_SECONDS = 2.0
"""Seconds between two checks of a Redis that cannot be used yet."""


@contextlib.asynccontextmanager
async def open_store_watch(connection: Connection) -> AsyncIterator["StoreWatch"]:
    """A watch that has checked Redis before anything else uses it. Raises StoreRefuses as `look` does."""
    watch = StoreWatch(connection)
    await watch.look()
    yield watch


class StoreWatch:
    """Checks Redis until it can be used.

    Problems that pass by themselves are logged, and so is a Redis that may lose what it acknowledged, whether that is
    allowed or not.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._is_fit = False
        self._told = ""

    async def look(self) -> None:
        """Check once. Raises StoreRefuses where a person must correct something."""
        state = await store_state(self._connection)
        if state.trouble and state.trouble.refuses:
            raise StoreRefuses(state.trouble.words, state.trouble.reason)
        self._tell(state)
        self._is_fit = state.trouble is None

    @contextlib.asynccontextmanager
    async def going_on(self, stop: Callable[[], None]) -> AsyncIterator[None]:
        """Keep checking while this context is open.

        Raises StoreRefuses, after `stop` was called and the rest has ended.
        """
        watching = asyncio.create_task(self._until_fit(stop))
        try:
            yield
        finally:
            if not watching.done():
                await cancel_until_done(watching)
        if not watching.cancelled():
            watching.result()

    async def _until_fit(self, stop: Callable[[], None]) -> None:
        was_waited_for = not self._is_fit
        try:
            while not self._is_fit:
                await asyncio.sleep(PAUSE_SECONDS)
                await self.look()
        except StoreRefuses:
            stop()
            raise
        if was_waited_for:
            logger.info("redis_can_be_used")

    def _tell(self, state: StoreState) -> None:
        if state.trouble is None:
            if state.weaknesses:
                logger.warning("redis_may_lose_writes", reason=",".join(each.split()[0] for each in state.weaknesses))
        elif state.trouble.words != self._told:
            logger.warning("redis_waited_for", reason=state.trouble.reason)
            self._told = state.trouble.words
