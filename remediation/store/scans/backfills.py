"""A backfill lists all findings of a district's account, so that those that have no case get one.

A district has one at a time. It is a listing like that of a scan (see scans.py), with a row in the same place: a crash
repeats one page at the most. The row is kept for thirty days after its end.
"""

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from remediation.domain.status import Severity
from remediation.store.cases.withdrawal import CaseWithdrawal
from remediation.store.deliveries.inbox import FINGERPRINT_LIFETIME, milliseconds
from remediation.store.keys import PARKED, SCAN
from remediation.store.server.connection import Connection

_BAND_OF_PAGES = -0.5
"""Pages are read behind what comes in, and before the cases that they name: only the end of the list tells how many."""

_COUNTS = ("pages", "marked", "known", "passed_over", "left_out", "tickets", "taken_back")


class BackfillState(StrEnum):
    """Where a backfill stands. PARKED: its list was refused, and a person has to decide; CANCELLED: one decided."""

    LISTING = "listing"
    PARKED = "parked"
    DONE = "done"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class Backfill:
    """How far a backfill is. Times are in Unix seconds; `ended_at` is None before its end.

    `severities` and `since` are what was asked for: none means all. Of the findings on its `pages`, `marked` got a
    case; the store had `known` already, `passed_over` are solved or not asked for, and `left_out` have no usable id.
    `tickets` were opened for what it found, or found there, and `taken_back` of its cases were deleted again.
    """

    state: BackfillState
    begun_at: float
    ended_at: float | None
    severities: tuple[Severity, ...]
    since: float | None
    pages: int
    marked: int
    known: int
    passed_over: int
    left_out: int
    tickets: int = 0
    taken_back: int = 0

    @property
    def listed(self) -> int:
        """How many findings were listed."""
        return self.marked + self.known + self.passed_over + self.left_out


def backfill_ref(district: str) -> str:
    """The reference of a district's backfill, also as parked work."""
    return f"{district}:backfill:account"


def parked_name(district: str) -> str:
    """The name of a district's backfill as parked work, where its list was refused."""
    return f"{backfill_ref(district)}/list"


class Backfills:
    """The backfills in Redis. Every method raises StoreUnavailable; `now` is in Unix seconds."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def begin(
        self, district: str, severities: Iterable[Severity], since: float | None, now: float, audit: bytes = b""
    ) -> bool:
        """Begin one. Returns False, and changes nothing, while another one is under way or parked.

        `audit` is a line of the audit (see audit/chain.py) that is added in the same step; empty for none.
        """
        asked = ",".join(severity for severity in Severity if severity in set(severities))
        begin = "" if since is None else int(since * 1000)
        kept = milliseconds(FINGERPRINT_LIFETIME)
        args = (backfill_ref(district), int(now * 1000), kept, asked, begin, _BAND_OF_PAGES, audit)
        return bool(await self._connection.run("begin_backfill", *args))

    async def cancel(self, district: str, now: float, audit: bytes = b"") -> str | None:
        """End the list of the last one where it is, also where it is parked; one that has ended stays as it is.

        Returns its id; None where there was none in the last thirty days. `audit` is added where this ended its list.
        """
        kept = milliseconds(FINGERPRINT_LIFETIME)
        args = (backfill_ref(district), int(now * 1000), parked_name(district), kept, audit)
        found = await self._connection.run("cancel_backfill", *args)
        return found.decode() or None

    async def take_back(self, district: str, backfill: str, audit: bytes = b"") -> AsyncIterator[int]:
        """Delete the cases that backfills of the district found and that nobody has begun to work at yet, in steps.

        `backfill` is the id of the last one, whose list has ended. Yields how many cases each step took back; it ends
        where none is left, or another backfill has begun. To go on later does no harm. `audit` is added where the
        backfill has ended otherwise than by `cancel`, and a case of it is taken back.
        """
        withdrawal = CaseWithdrawal(self._connection, backfill_ref(district), backfill, audit)
        async for count in withdrawal.steps(district):
            yield count

    async def read(self, district: str) -> Backfill | None:
        """The district's last one; None where there was none in the last thirty days."""
        return (await self.read_all([district])).get(district)

    async def read_all(self, districts: Sequence[str]) -> dict[str, Backfill]:
        """The last one of each of these districts that had one in the last thirty days."""
        asked = self._connection.redis.pipeline(transaction=True)
        for district in districts:
            asked.hgetall(SCAN + backfill_ref(district))
            asked.zscore(PARKED, parked_name(district))
        answers = await self._connection.ask(asked.execute()) if districts else []
        found = zip(districts, answers[::2], answers[1::2], strict=True)
        read = {district: _backfill_in(row, is_parked=parked_at is not None) for district, row, parked_at in found}
        return {district: backfill for district, backfill in read.items() if backfill is not None}


def _backfill_in(fields: Mapping[bytes, bytes], *, is_parked: bool) -> Backfill | None:
    row = {name.decode(): value.decode() for name, value in fields.items()}
    if "begun_at" not in row:
        return None
    return Backfill(
        _state_of(row["state"], is_parked=is_parked),
        int(row["begun_at"]) / 1000,
        int(row["ended_at"]) / 1000 if "ended_at" in row else None,
        tuple(Severity(word) for word in row["severities"].split(",") if word),
        int(row["changed_since"]) / 1000 if row["changed_since"] else None,
        *(int(row.get(name, 0)) for name in _COUNTS),
    )


def _state_of(stored: str, *, is_parked: bool) -> BackfillState:
    """One that is not on the list of parked work any more, and was not replayed, was discarded."""
    state = BackfillState(stored)
    return BackfillState.CANCELLED if state is BackfillState.PARKED and not is_parked else state
