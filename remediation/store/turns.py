"""Turns: what all workers repeat is begun by one of them each time."""

from remediation.store.keys import LAST_SWEEP
from remediation.store.server.connection import Connection

_PART = 0.75
"""The share of the time between two turns during which a turn is taken: a worker that was late last time and is on time
now is not refused."""


class Turns:
    """Gives turns. Every method raises StoreUnavailable."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def take(self, name: str, seconds: float, now: float) -> bool:
        """Whether the caller is to begin now, of all workers that ask every `seconds`. `now` is in Unix seconds."""
        return bool(await self._connection.run("take_turn", name, int(now * 1000), int(seconds * 1000 * _PART)))

    async def last_sweep(self) -> bytes | None:
        """The value that the last sweep wrote, to be compared with a later one."""
        written: bytes | None = await self._connection.ask(self._connection.redis.get(LAST_SWEEP))
        return written
