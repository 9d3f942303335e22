"""How far every feed of incidents was read, for metrics: the same for every process that reads it."""

from dataclasses import dataclass

from remediation.store.keys import FEED, FEEDS, INCIDENTS
from remediation.store.server.connection import Connection

_NAMED_WITHIN_MS = 300_000
"""A feed that was last named so much earlier than another one is not in mappings.yaml any more."""


@dataclass(frozen=True, slots=True)
class FeedFigures:
    """One feed, by `district/feed`, and how many of its incidents are kept.

    `polled_at` and `swept_at` (Unix seconds) are when the last walk, and the last sweep, began that were whole; None
    for never. It is read every `every` seconds; `known_at` is when mappings.yaml was first seen to name it.
    """

    name: str
    incidents: int
    known_at: float
    every: float
    polled_at: float | None
    swept_at: float | None

    def overdue(self, now: float) -> float:
        """For how many seconds the feed should have been read again."""
        return max(0.0, now - (self.polled_at or self.known_at) - self.every)


async def feed_figures(connection: Connection) -> list[FeedFigures]:
    """Every feed that mappings.yaml names. Raises StoreUnavailable."""
    found = await connection.ask(connection.redis.hgetall(FEEDS))
    latest = max((int(at) for at in found.values()), default=0)
    names = sorted(name.decode() for name, at in found.items() if int(at) >= latest - _NAMED_WITHIN_MS)
    if not names:
        return []
    asked = connection.redis.pipeline(transaction=False)
    for name in names:
        asked.hmget(FEED + name, ["known_at", "every", "polled_at", "swept_at"])
        asked.hlen(INCIDENTS + name)
    rows = await connection.ask(asked.execute())
    return [_figures(name, row, count) for name, row, count in zip(names, rows[::2], rows[1::2], strict=True)]


def _figures(name: str, row: list[bytes | None], count: int) -> FeedFigures:
    known_at, every, polled_at, swept_at = (int(value) / 1000 if value else None for value in row)
    return FeedFigures(name, count, known_at or 0.0, every or 0.0, polled_at, swept_at)
