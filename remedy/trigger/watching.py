"""Watches one case: prints what is told of it as it happens, until it is as wanted."""

import asyncio
import time
from collections.abc import Callable

from remediation.domain.cases.records import CaseKey, CaseRecord
from remediation.read_model.live_events import LiveFilter
from remediation.store.cases.timeline import Timeline
from remediation.store.cases.todo import Todo
from remediation.store.server.connection import Connection
from remedy.listen.case_news import CaseNews

_PAUSE = 0.2

Reached = Callable[[CaseRecord | None], bool]


class CaseWatch:
    """One case from the moment at which `begin` is called. `say` is given each line."""

    def __init__(self, connection: Connection, key: CaseKey, say: Callable[[str], None]) -> None:
        self.key = key
        self._todo = Todo(connection)
        self._timeline = Timeline(connection)
        self._news = CaseNews(self._timeline, key)
        self._say = say

    async def begin(self) -> None:
        """From now on."""
        self._news.place = await self._timeline.now()

    async def record(self) -> CaseRecord | None:
        """What is kept of the case now."""
        return await self._todo.record(self.key.ref)

    async def until(self, is_reached: Reached, seconds: float) -> CaseRecord | None:
        """The case once it is as wanted. Raises TimeoutError where it is not within so many seconds."""
        deadline = time.monotonic() + seconds
        while True:
            record = await self.record()
            await self._tell()
            if is_reached(record):
                await asyncio.sleep(_PAUSE)
                await self._tell()  # what ends a look is told last
                return record
            if time.monotonic() > deadline:
                raise TimeoutError
            await asyncio.sleep(_PAUSE)

    async def _tell(self) -> None:
        for event in await self._news.latest(LiveFilter()):
            self._say(event.line)
