"""Pages of sorted sets by time, merged as if they were one: the newest first; of the same moment, the greater name."""

from collections.abc import Sequence
from dataclasses import dataclass

from remediation.store.server.connection import Connection

_BETWEEN = "~"
_DIGITS = 15
_LONGEST = 1_000


@dataclass(frozen=True, slots=True)
class ListPlace:
    """Behind which member a page begins: its time (Unix ms), and its name."""

    at_ms: int
    name: str

    @classmethod
    def before(cls, moment: float) -> "ListPlace":
        """Behind all that came at this moment (Unix seconds) or later."""
        return cls(int(moment * 1000), "")

    @classmethod
    def parse(cls, text: str) -> "ListPlace":
        """The place that `str` wrote. Raises ValueError."""
        at, between, name = text.partition(_BETWEEN)
        if not (between and at.isascii() and at.isdecimal()) or len(at) > _DIGITS or len(name) > _LONGEST:
            raise ValueError("no place")
        return cls(int(at), name)

    def __str__(self) -> str:
        """The place as a cursor."""
        return f"{self.at_ms}{_BETWEEN}{self.name}"


@dataclass(frozen=True, slots=True)
class NewestMember:
    """A member of the set `number` (from 0 on) of those that were asked."""

    number: int
    place: ListPlace


async def newest_of(
    connection: Connection, keys: Sequence[str], limit: int, after: ListPlace | None
) -> list[NewestMember]:
    """At most `limit` members of the sets in these keys, behind a place. Raises StoreUnavailable.

    Each set costs the logarithm of its size, and each member some microseconds of Redis.
    """
    if not keys:
        return []
    head = (limit, "", "") if after is None else (limit, after.at_ms, after.name)
    parts = [
        part if isinstance(part, int) else part.decode() for part in await connection.run("newest_of", *head, *keys)
    ]
    return [
        NewestMember(int(parts[at]) - 1, ListPlace(int(parts[at + 2]), str(parts[at + 1])))
        for at in range(0, len(parts), 3)
    ]
