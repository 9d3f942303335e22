"""What is known of the audit without reading it: what waits to be chained, and which bends were met while chaining."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta

from remediation.store.keys import AUDIT_BENDS, AUDIT_WAITING
from remediation.store.server.connection import Connection

BENDS_TOLD = timedelta(days=30)
"""For how long a bend is told after it was met."""


@dataclass(frozen=True, slots=True)
class AuditWaits:
    """How many lines wait to be chained, and since when (Unix seconds) the oldest does; None where none does."""

    count: int = 0
    since: float | None = None

    def age(self, now: float) -> float:
        """For how many seconds the oldest waits at `now` (Unix seconds); 0 where none does."""
        return 0.0 if self.since is None else max(0.0, now - self.since)


async def audit_waits(connection: Connection) -> AuditWaits:
    """What waits now. Raises StoreUnavailable."""
    asked = connection.redis.pipeline(transaction=False)
    asked.xlen(AUDIT_WAITING)
    asked.xrange(AUDIT_WAITING, count=1)
    count, first = await connection.ask(asked.execute())
    return AuditWaits(count, int(first[0][0].partition(b"-")[0]) / 1000 if first else None)


async def note_bends(connection: Connection, kinds: Iterable[str], now: float) -> None:
    """Note that these kinds of bends (see BendKind) were met at `now` (Unix seconds). Raises StoreUnavailable."""
    if met := dict.fromkeys(kinds, int(now * 1000)):
        asked = connection.redis.pipeline(transaction=True)
        asked.hset(AUDIT_BENDS, mapping=met)
        asked.expire(AUDIT_BENDS, BENDS_TOLD)
        await connection.ask(asked.execute())


async def noted_bends(connection: Connection) -> Mapping[str, float]:
    """When (Unix seconds) each kind of bend was last met. Raises StoreUnavailable."""
    noted = await connection.ask(connection.redis.hgetall(AUDIT_BENDS))
    return {kind.decode(): int(at) / 1000 for kind, at in noted.items()}
