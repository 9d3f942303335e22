"""Parked work by what it has in common: counted without reading the pieces, and listed page by page.

Pieces of a group have the same kind, district, system, error, HTTP status and action, and words of the same shape. The
shape is a digest of the words (see shapes.py). Scripts keep the groups with
each piece that is set aside or taken off (lua/shared.lua).
"""

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Self

from remediation.store.deliveries.parked import ParkedKind
from remediation.store.keys import PARKED_GROUPS
from remediation.store.server.connection import Connection


@dataclass(frozen=True, slots=True)
class ParkedFilter:
    """Which parked work is wanted: all of it, less what each field excludes.

    None excludes nothing, and an empty text takes what has no such word. `districts` are those whose work may be seen,
    None for all and for what belongs to none. `since` and `until` (Unix
    seconds) are compared with when it was last set aside; `shape` is that of a group.
    """

    districts: AbstractSet[str] | None = None
    district: str | None = None
    kind: str | None = None
    system: str | None = None
    error: str | None = None
    status: str | None = None
    action: str | None = None
    shape: str | None = None
    since: float | None = None
    until: float | None = None

    def takes(self, common: "ParkedCommon") -> bool:
        """Whether pieces with this in common are wanted, whenever they were set aside."""
        if self.districts is not None and common.district not in self.districts:
            return False
        wanted = (
            (self.district, common.district),
            (self.kind, common.kind),
            (self.system, common.system),
            (self.error, common.error),
            (self.status, "" if common.status is None else str(common.status)),
            (self.action, common.action),
            (self.shape, common.shape),
        )
        return all(value is None or value == found for value, found in wanted)

    @property
    def span(self) -> tuple[str | int, str | int]:
        """The times as Redis compares them."""
        since = "-inf" if self.since is None else int(self.since * 1000)
        return since, "+inf" if self.until is None else int(self.until * 1000)


@dataclass(frozen=True, slots=True)
class ParkedCommon:
    """What the pieces of a group have in common, as `Parked` has it."""

    kind: ParkedKind
    district: str
    system: str
    error: str
    status: int | None
    action: str
    shape: str


@dataclass(frozen=True, slots=True)
class CountedParked:
    """A group: how many pieces, when (Unix seconds) the first and the last was set aside, and the name of the last."""

    id: str
    common: ParkedCommon
    count: int
    first: float
    last: float
    newest: str


@dataclass(frozen=True, slots=True)
class ParkedPlace:
    """Where a page of pieces ends: when (Unix ms) its last piece was set aside, and the name of that."""

    at: int
    name: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """The place that `str` wrote. Raises ValueError."""
        at, _, name = text.partition("~")
        if not name:
            raise ValueError("no place of a piece")
        return cls(int(at), name)

    def __str__(self) -> str:
        return f"{self.at}~{self.name}"


class ParkedGroups:
    """The groups of parked work. Every method raises StoreUnavailable."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def common(self, districts: AbstractSet[str] | None) -> list[ParkedCommon]:
        """What pieces of these districts have in common, each once; None for all, and for what belongs to none."""
        return list((await self._known(ParkedFilter(districts))).values())

    async def counted(self, wanted: ParkedFilter) -> list[CountedParked]:
        """The groups that have any wanted piece. Its cost follows the number of groups."""
        known = await self._known(wanted)
        flat = await self._connection.run("parked_groups", *wanted.span, *known) if known else []
        return [
            CountedParked(
                group.decode(),
                known[group.decode()],
                int(count),
                int(first) / 1000,
                int(last) / 1000,
                newest.decode(),
            )
            for group, count, first, last, newest in zip(*(flat[part::5] for part in range(5)), strict=True)
        ]

    async def names(
        self, wanted: ParkedFilter, most: int, *, after: ParkedPlace | None = None, oldest_first: bool = False
    ) -> list[ParkedPlace]:
        """Wanted pieces, the newest first unless `oldest_first`, from behind a place on."""
        known = await self._known(wanted)
        order = "oldest" if oldest_first else "newest"
        place: tuple[str | int, str] = ("", "") if after is None else (after.at, after.name)
        flat = await self._connection.run("list_parked", order, *wanted.span, *place, most, *known) if known else []
        return [ParkedPlace(int(at), name.decode()) for name, at in zip(flat[::2], flat[1::2], strict=True)]

    async def _known(self, wanted: ParkedFilter) -> dict[str, ParkedCommon]:
        """What the groups have in common that may have wanted pieces, by their ids."""
        rows = await self._connection.ask(self._connection.redis.hgetall(PARKED_GROUPS))
        found = {group.decode(): _common(words.decode().split("\n")) for group, words in sorted(rows.items())}
        return {group: common for group, common in found.items() if wanted.takes(common)}


def _common(parts: Sequence[str]) -> ParkedCommon:
    kind, district, system, error, status, action, shape = parts
    return ParkedCommon(ParkedKind(kind), district, system, error, int(status) if status else None, action, shape)
