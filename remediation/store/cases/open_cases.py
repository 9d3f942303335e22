"""How many cases somebody must still solve, by severity and by how long that is known: counted by Redis, not read."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

from remediation.domain.status import Severity
from remediation.store.server.connection import Connection

AT_ONCE = 40
"""Districts that one script counts: about a millisecond of Redis."""

OpenCounts = Mapping[Severity, tuple[int, ...]]
"""By severity how many cases there are in each band of age, the youngest first."""


async def open_counts(
    connection: Connection, districts: Iterable[str], bounds: Sequence[float], now: float
) -> dict[str, OpenCounts]:
    """The open cases of each of these districts; a district without any is left out. Raises StoreUnavailable.

    `bounds` (seconds) are where bands of age end, in order; the last band has no end. `now` is in Unix seconds.
    """
    names, since = [*districts], [int((now - bound) * 1000) for bound in bounds]
    found: dict[str, dict[Severity, tuple[int, ...]]] = {}
    for at in range(0, len(names), AT_ONCE):
        told = await connection.run("open_cases", len(since), *since, *names[at : at + AT_ONCE])
        for district, severity, *younger in _rows(told, len(since) + 3):
            bands = tuple(max(0, int(after) - int(before)) for before, after in pairwise([0, *younger]))
            found.setdefault(district.decode(), {})[Severity(severity.decode())] = bands
    return dict(found)


def _rows(flat: Sequence[Any], length: int) -> Iterator[Sequence[Any]]:
    return (flat[at : at + length] for at in range(0, len(flat), length))


def summed(counts: Iterable[OpenCounts]) -> OpenCounts:
    """All of them together."""
    found: dict[Severity, tuple[int, ...]] = {}
    for each in counts:
        for severity, bands in each.items():
            known = found.get(severity, (0,) * len(bands))
            found[severity] = tuple(a + b for a, b in zip(known, bands, strict=True))
    return found
