"""Whose turn it is: what all workers do again and again is begun by one of them each time."""

from remediation.store.keys import LAST_SWEEP
from remediation.store.server.connection import Connection

_PART = 0.75
"""Of the time from turn to turn that one lasts: whoever was late the last time, and is not this
time, is not sent away."""


class Turns:
    """The turns. Every method raises StoreUnavailable."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def take(self, name: str, seconds: float, now: float) -> bool:
        """Whether whoever asks is to begin now, of all that ask every so many seconds. `now` is in Unix seconds."""
        return bool(await self._connection.run("take_turn", name, int(now * 1000), int(seconds * 1000 * _PART)))

    async def last_sweep(self) -> bytes | None:
        """What a worker that swept wrote down last: when that was, to be told from another time and no more."""
        written: bytes | None = await self._connection.ask(self._connection.redis.get(LAST_SWEEP))
        return written
