"""The case that waits longest for a look that brings it to rest."""

from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from remediation.store.keys import DIRTY, DIRTY_SINCE
from remediation.store.server.connection import Connection

MOST_SEEN = 1_000
"""Cases that are looked through, those that wait longest: a thousand names are some ten kilobytes."""


@dataclass(frozen=True, slots=True)
class WaitingCase:
    """A case by its reference, and since when (Unix seconds) it waits."""

    ref: str
    since: float


async def longest_waiting(connection: Connection, districts: AbstractSet[str] | None = None) -> WaitingCase | None:
    """The case that waits longest, of all or of these districts; None where none does.

    Of some districts, it is one of the MOST_SEEN that wait longest of all. Raises StoreUnavailable.
    """
    oldest = connection.redis.zrange(DIRTY_SINCE, 0, MOST_SEEN - 1, withscores=True)
    found = [WaitingCase(ref.decode(), since / 1000) for ref, since in await connection.ask(oldest)]
    shown = [each for each in found if districts is None or each.ref.partition(":")[0] in districts]
    asked = connection.redis.pipeline(transaction=False)
    for each in shown:
        asked.zscore(DIRTY, each.ref)
    waits = await connection.ask(asked.execute()) if shown else []
    return next((each for each, at in zip(shown, waits, strict=True) if at is not None), None)
