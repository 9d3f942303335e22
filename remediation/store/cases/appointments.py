"""Appointments: cases that must be looked at at a known time although nothing happens, because an accepted risk ends.

They are written together with what a look remembers (see Todo.settle), and survive restarts. After a wipe of Redis, the
next look at a case makes its appointment again.
"""

from remediation.store.keys import APPOINTMENTS
from remediation.store.server.connection import Connection

_BATCH = 1_000


class Appointments:
    """All appointments, at most one for each case."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def mark_due(self, now: float) -> int:
        """Mark the cases whose time has come, and delete these appointments. The cost grows with what is due."""
        return int(await self._connection.run("mark_due", int(now * 1000), _BATCH))

    async def of(self, ref: str) -> float | None:
        """The time (Unix seconds) of a case's appointment."""
        score = await self._connection.ask(self._connection.redis.zscore(APPOINTMENTS, ref))
        return float(score) / 1000 if score is not None else None
