"""How far the findings of a scan have been listed. A crash resumes at the page that was not yet marked."""

from collections.abc import Iterable
from dataclasses import dataclass

from remediation.store.connection import Connection, passing_errors
from remediation.store.keys import SCAN, SCANS
from remediation.store.todo import Mark, marks_of


@dataclass(frozen=True, slots=True)
class ScanListing:
    """A scan whose findings are being listed. `cursor` is None before the first page."""

    ref: str
    district: str
    id: str
    cursor: str | None
    attempts: int


class Scans:
    """The rows of scans."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def listing(self, ref: str) -> ScanListing | None:
        """The scan, if there are pages still to be listed."""
        fields = await self._connection.ask(
            self._connection.redis.hmget(SCAN + ref, ["state", "id", "cursor", "attempts"])
        )
        state, scan_id, cursor, attempts = fields
        if state != b"listing" or scan_id is None:
            return None
        return ScanListing(
            ref, ref.partition(":")[0], scan_id.decode(), (cursor or b"").decode() or None, int(attempts or 0)
        )

    async def mark_page(self, scan: ScanListing, next_cursor: str | None, cases: Iterable[Mark], now: float) -> None:
        """Mark a page's cases, save the cursor and wake a worker for the next page, in one step, once a page."""
        marks = marks_of(cases)
        args = (scan.ref, int(now * 1000), scan.cursor or "", next_cursor or "")
        await self._connection.run("mark_page", *args, *marks)

    async def put_off(self, scan: ScanListing, due: float) -> None:
        """Try the same page again at `due` (Unix seconds)."""
        with passing_errors():
            async with self._connection.redis.pipeline(transaction=True) as pipe:
                pipe.hincrby(SCAN + scan.ref, "attempts", 1)
                pipe.zadd(SCANS, {scan.ref: int(due * 1000)}, xx=True)
                await pipe.execute()
