"""The scans that deliveries have named, newest first: how far the findings of each are listed, and what that found."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from remediation.store.keys import PARKED, SCAN, SCANS_OF
from remediation.store.newest import ListPlace, NewestMember, newest_of
from remediation.store.server.connection import Connection

_FIELDS = ["id", "state", "at", "pages", "marked", "left_out", "completed_at", "ended_at"]
_ROUNDS = 4


class ScanState(StrEnum):
    """How far a scan is, as far as we know.

    STARTED: SchoolScan has begun it; LISTING: it is completed, and its findings are being listed; PARKED: its list was
    refused, and a person has to decide; GIVEN_UP: one decided not to go on; LISTED: its list has ended.
    """

    STARTED = "started"
    LISTING = "listing"
    PARKED = "parked"
    GIVEN_UP = "given_up"
    LISTED = "listed"


@dataclass(frozen=True, slots=True)
class NamedScan:
    """A scan. Times are in Unix seconds, None where they are not known.

    `named_at` is when a delivery named it last, `completed_at` when the one came that says that it is completed,
    `ended_at` when its list ended. `marked` findings on `pages` are looked at; `left_out` have no usable id.
    """

    ref: str
    id: str
    state: ScanState
    named_at: float
    completed_at: float | None
    ended_at: float | None
    pages: int
    marked: int
    left_out: int

    @property
    def district(self) -> str:
        """Whose it is."""
        return self.ref.partition(":")[0]

    @property
    def parked(self) -> str:
        """Its name as parked work, where a person has to decide; otherwise empty."""
        return f"{self.ref}/list" if self.state is ScanState.PARKED else ""


@dataclass(frozen=True, slots=True)
class NamedScanPage:
    """Scans, newest first; `after` is where the next page begins, None at the end."""

    scans: tuple[NamedScan, ...]
    after: ListPlace | None


async def named_scans(
    connection: Connection, districts: Sequence[str], limit: int, after: ListPlace | None = None
) -> NamedScanPage:
    """At most `limit` scans of these districts behind a place. Raises StoreUnavailable."""
    found: list[NamedScan] = []
    for _ in range(_ROUNDS):
        members = await newest_of(connection, [SCANS_OF + each for each in districts], limit + 1, after)
        rows = await _rows(connection, members)
        for member, row in zip(members, rows, strict=True):
            if len(found) == limit:
                return NamedScanPage(tuple(found), after)
            after = member.place
            found += [row] if row is not None else []
        if len(members) <= limit:
            return NamedScanPage(tuple(found), None)
    return NamedScanPage(tuple(found), after)


async def _rows(connection: Connection, members: Sequence[NewestMember]) -> list[NamedScan | None]:
    """The row of each; None where its time is over."""
    asked = connection.redis.pipeline(transaction=False)
    for member in members:
        asked.hmget(SCAN + member.place.name, _FIELDS)
        asked.zscore(PARKED, f"{member.place.name}/list")
    answers = await connection.ask(asked.execute()) if members else []
    return [
        _scan(member.place.name, dict(zip(_FIELDS, row, strict=True)), is_parked=parked_at is not None)
        for member, row, parked_at in zip(members, answers[::2], answers[1::2], strict=True)
    ]


def _scan(ref: str, row: Mapping[str, bytes | None], *, is_parked: bool) -> NamedScan | None:
    if row["id"] is None or row["state"] is None:
        return None
    return NamedScan(
        ref,
        row["id"].decode(),
        _state(row["state"].decode(), is_parked=is_parked),
        int(row["at"] or 0) / 1000,
        _moment(row["completed_at"]),
        _moment(row["ended_at"]),
        *(int(row[name] or 0) for name in ("pages", "marked", "left_out")),
    )


def _moment(at: bytes | None) -> float | None:
    return int(at) / 1000 if at else None


def _state(stored: str, *, is_parked: bool) -> ScanState:
    match stored:
        case "started" | "listing":
            return ScanState(stored)
        case "parked":
            return ScanState.PARKED if is_parked else ScanState.GIVEN_UP
        case _:
            return ScanState.LISTED
