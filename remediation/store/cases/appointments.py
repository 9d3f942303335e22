"""Cases that must be looked at at a known moment, though nothing happens: when an accepted risk ends.

They are written with what a look remembers (see Todo.settle), and survive restarts. Where the store was wiped, the next
look at a case makes its appointment again.
"""

from remediation.store.keys import APPOINTMENTS
from remediation.store.server.connection import Connection

_BATCH = 1_000


class Appointments:
    """The list of appointments, at most one for each case."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def mark_due(self, now: float) -> int:
        """Mark the cases whose moment has come, and cross them off. Its cost follows what is due."""
        return int(await self._connection.run("mark_due", int(now * 1000), _BATCH))

    async def of(self, ref: str) -> float | None:
        """When the case is to be looked at, in Unix seconds."""
        score = await self._connection.ask(self._connection.redis.zscore(APPOINTMENTS, ref))
        return float(score) / 1000 if score is not None else None
