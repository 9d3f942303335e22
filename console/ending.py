"""The end of the process, as pages see it: no longer ready, and no stream stays open."""

import asyncio


class ConsoleEnding:
    """The end of one process. It changes nothing before it begins."""

    def __init__(self) -> None:
        self._begun = asyncio.Event()

    @property
    def is_begun(self) -> bool:
        """Whether the process ends."""
        return self._begun.is_set()

    def begin(self) -> None:
        """Begin: called in the event loop, once or more."""
        self._begun.set()

    async def wait(self) -> None:
        """Wait until it begins."""
        await self._begun.wait()
