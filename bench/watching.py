"""What Redis was asked, by whom and when, as Redis itself saw it: one clock for every process; and what it holds."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field

from redis.asyncio import Redis
from redis.asyncio.client import Monitor

_IN_SCRIPT = "lua"


@dataclass(frozen=True, slots=True)
class Command:
    """One command. `at` is Unix seconds; `in_script` tells what a script did from what came over the wire."""

    at: float
    in_script: bool
    words: tuple[str, ...]

    def is_for(self, name: str, key: str) -> bool:
        """Whether it is this command (in capitals) on this key."""
        return self.words[0].upper() == name and key in self.words[1:2]


@dataclass(slots=True)
class Watch:
    """The commands so far, oldest first."""

    commands: list[Command] = field(default_factory=list)
    _news: asyncio.Event = field(default_factory=asyncio.Event)

    def add(self, command: Command) -> None:
        """One more command."""
        self.commands.append(command)
        self._news.set()

    async def first(self, wanted: Callable[[Command], bool], seconds: float = 30.0) -> Command:
        """The first command like this since the beginning, waited for. Raises TimeoutError."""
        seen = 0
        async with asyncio.timeout(seconds):
            while True:
                self._news.clear()
                found = next((each for each in self.commands[seen:] if wanted(each)), None)
                if found is not None:
                    return found
                seen = len(self.commands)
                await self._news.wait()


@contextlib.asynccontextmanager
async def watch(redis: Redis) -> AsyncIterator[Watch]:
    """Everything that Redis is asked while this is open."""
    watched = Watch()
    async with redis.monitor() as monitor:
        task = asyncio.create_task(_listen(monitor, watched))
        try:
            yield watched
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


async def emptied(redis: Redis, name: str, seconds: float, pause: float) -> float:
    """Look at a sorted set, with pauses, until nothing is in it; returns when that was (`time.perf_counter`).

    Raises TimeoutError.
    """
    async with asyncio.timeout(seconds):
        while await redis.zcard(name):  # noqa: ASYNC110 - it happens in another process
            await asyncio.sleep(pause)
    return time.perf_counter()


async def _listen(monitor: Monitor, watched: Watch) -> None:
    async for told in monitor.listen():
        words = tuple(told["command"].split(" "))
        watched.add(Command(told["time"], told["client_type"] == _IN_SCRIPT, words))
