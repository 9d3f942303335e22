"""What parked work is set aside for, counted: without the words of whoever refused it, which are sealed."""

from dataclasses import dataclass

from remediation.store.deliveries.parked import ParkedKind
from remediation.store.server.connection import Connection

FEWEST_COUNTED = 1_000
"""Pieces that are counted at least, the newest: all, but while some of an earlier version are in no group yet."""


@dataclass(frozen=True, slots=True)
class ParkedCause:
    """Pieces of one kind that have the same error of the same system. `first` and `last` (Unix seconds) are when.

    `system` is empty for what no system refused, and `status` None where there was no HTTP status.
    """

    kind: ParkedKind
    error: str
    system: str
    status: int | None
    count: int
    first: float
    last: float


async def parked_causes(connection: Connection) -> list[ParkedCause]:
    """The causes of all pieces, the one with the most of them first; see FEWEST_COUNTED. Raises StoreUnavailable."""
    parts = [part.decode() for part in await connection.run("parked_causes")]
    found = [_cause(*parts[at : at + 7]) for at in range(0, len(parts), 7)]
    return sorted(found, key=lambda cause: (-cause.count, cause.system, cause.error, cause.kind, cause.status or 0))


def _cause(kind: str, error: str, system: str, status: str, count: str, first: str, last: str) -> ParkedCause:
    when = (float(first) / 1000, float(last) / 1000)
    return ParkedCause(ParkedKind(kind), error, system, int(status) if status else None, int(count), *when)
