"""What is known of the audit without reading it: what waits to be chained, and which bends were met while chaining."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta

from remediation.sealing import key_id_of
from remediation.store.audit.chain import Place, place_text
from remediation.store.keys import AUDIT_BENDS, AUDIT_TRAIL, AUDIT_WAITING
from remediation.store.server.connection import Connection

BENDS_TOLD = timedelta(days=30)
"""For how long a bend is told after it was met."""

_SAMPLES = 32
"""Lines that are looked at for their keys, at like distances."""


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


async def signing_keys(connection: Connection, last: Place) -> set[str]:
    """The ids of the data keys under which some lines of the trail are signed: its first, and some up to the last.

    One that signed only few lines may be missing. Raises StoreUnavailable.
    """
    first = await connection.ask(connection.redis.xrange(AUDIT_TRAIL, count=1))
    chain, number = last
    asked = connection.redis.pipeline(transaction=False)
    for part in range(1, _SAMPLES + 1):
        asked.xrange(AUDIT_TRAIL, min=place_text((chain, number * part // _SAMPLES)), count=1)
    sampled = [rows for rows in (first, *await connection.ask(asked.execute())) if rows]
    return {key_id_of(fields.get(b"l", b"")) for ((_, fields),) in sampled} - {""}


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
