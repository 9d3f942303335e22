"""How many cases somebody must still solve, by severity and by how long that is known: counted by Redis, not read."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Any

from remediation.domain.status import Severity
from remediation.store.keys import OPEN_CASES
from remediation.store.server.connection import Connection

AT_ONCE = 500
"""Counts that one message asks for: less than a millisecond of Redis."""

OpenCounts = Mapping[Severity, tuple[int, ...]]
"""By severity how many cases there are in each band of age, the youngest first."""


async def open_counts(
    connection: Connection, districts: Iterable[str], bounds: Sequence[float], now: float
) -> dict[str, OpenCounts]:
    """The open cases of each of these districts; a district without any is left out. Raises StoreUnavailable.

    `bounds` (seconds) are where bands of age end, in order; the last band has no end. `now` is in Unix seconds.
    """
    sets = [(district, severity) for district in districts for severity in Severity]
    sizes = await _answers(connection, [("ZCARD", _key(*each)) for each in sets])
    filled = [(each, size) for each, size in zip(sets, sizes, strict=True) if size]
    since = [int((now - bound) * 1000) for bound in bounds]
    younger = await _answers(
        connection, [("ZCOUNT", _key(*each), f"({at}", "+inf") for each, _ in filled for at in since]
    )
    found: dict[str, dict[Severity, tuple[int, ...]]] = {}
    for place, ((district, severity), size) in enumerate(filled):
        steps = [0, *younger[place * len(since) : (place + 1) * len(since)], size]
        bands = tuple(after - before for before, after in pairwise(steps))
        found.setdefault(district, {})[severity] = tuple(max(0, each) for each in bands)
    return dict(found)


def summed(counts: Iterable[OpenCounts]) -> OpenCounts:
    """All of them together."""
    found: dict[Severity, tuple[int, ...]] = {}
    for each in counts:
        for severity, bands in each.items():
            known = found.get(severity, (0,) * len(bands))
            found[severity] = tuple(a + b for a, b in zip(known, bands, strict=True))
    return found


def _key(district: str, severity: Severity) -> str:
    return f"{OPEN_CASES}{district}/{severity}"


async def _answers(connection: Connection, orders: Sequence[tuple[str, ...]]) -> list[int]:
    found: list[Any] = []
    for at in range(0, len(orders), AT_ONCE):
        asked = connection.redis.pipeline(transaction=False)
        for order in orders[at : at + AT_ONCE]:
            asked.execute_command(*order)
        found += await connection.ask(asked.execute())
    return [int(each) for each in found]
