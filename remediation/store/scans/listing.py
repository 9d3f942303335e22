"""How far the findings of each scan are listed. After a crash the listing resumes at the first page not yet marked."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal

from remediation.domain.findings import ReportFormat
from remediation.domain.reports import RequestedReport
from remediation.domain.subjects import Subject
from remediation.domain.summaries import ScanCounts
from remediation.sealing import Keyring
from remediation.store.cases.entries import LookCause
from remediation.store.cases.todo import LEASE_SECONDS, Mark, marks_of
from remediation.store.cursors import SealedCursors
from remediation.store.deliveries.crash_counter import CrashCounter, Crashes, Taken
from remediation.store.deliveries.inbox import FINGERPRINT_LIFETIME, milliseconds
from remediation.store.keys import BEGUN, LEFT_OUT, SCAN, SCANS
from remediation.store.server.connection import Connection, passing_errors
from remediation.telemetry import NOWHERE, Origin

Unmarked = Literal["", "known", "seen"]
"""Which cases of a list are not marked: none; those that the store has; or those at which a look began after the scan
had ended, so that its list tells nothing new of them."""

_BEFORE_ABSENCE = 600.0
"""Seconds that a list of changes reaches further back: a change made just before may not have been listed."""


@dataclass(frozen=True, slots=True)
class ScanListing:
    """A scan whose findings are being listed. `token` identifies who lists it.

    `cursor` is None before the first page, and where it cannot be opened, or another version wrote the numbers so far:
    the list then begins anew, which marks cases a second time at the worst. `stored` is the cursor as it is in the row,
    and `pages` how many pages were listed. `origin` is how the delivery that named the scan came. With `since` (Unix
    seconds) it is no scan but a whole district, of which the findings that changed since then are listed. A backfill
    (see backfills.py) is such a listing, too: of the severities that are asked for, all where there is none.

    Where `report` is not None, nothing is listed: the scan's compliance report is made (see reporting.py).
    Where `tallied` is not None, the findings are only counted, for the summary of the scan: these are the numbers so
    far (see counting.py). `changes` is how many changes were known when the page was taken, `began` when the scan
    began.
    """

    ref: str
    district: str
    id: str
    cursor: str | None
    attempts: int
    token: str = ""
    crashes: Crashes = field(default_factory=Crashes)
    origin: Origin = NOWHERE
    since: float | None = None
    stored: str = field(default="", repr=False)
    pages: int = 0
    is_backfill: bool = False
    severities: frozenset[str] = frozenset()
    tallied: ScanCounts | None = None
    changes: str = ""
    began: datetime | None = None
    report: RequestedReport | None = None

    @property
    def is_of_district(self) -> bool:
        """Whether it is no scan that is listed, but what a whole district has."""
        return self.since is not None or self.is_backfill

    @property
    def filters(self) -> Mapping[str, str]:
        """Which findings are listed, as filters of SchoolScan's API."""
        return {} if self.is_of_district else {"scan_id": self.id}

    def counts(self, subject: Subject) -> bool:
        """Whether a subject of the list is to be looked at; also one that does not say when it changed.

        A backfill passes over what is solved: nobody need work on that.
        """
        if self.is_backfill and subject.status.is_solved:
            return False
        if self.severities and subject.severity not in self.severities:
            return False
        changed = subject.changed_at or subject.detected_at
        return self.since is None or changed is None or changed.timestamp() >= self.since


@dataclass(frozen=True, slots=True)
class LeftOut:
    """How many findings of a district's lists had no id that a case could have; when (Unix seconds) the last came."""

    count: int
    last_at: float


@dataclass(frozen=True, slots=True)
class DistrictChange:
    """A district that mappings.yaml does not name any more, since when (Unix seconds), or that it names again."""

    district: str
    is_back: bool
    since: float


class Scans:
    """The rows of scans."""

    def __init__(self, connection: Connection, keyring: Keyring, crash_counter: CrashCounter | None = None) -> None:
        self._connection = connection
        self._cursors = SealedCursors(keyring)
        self._beginnings = crash_counter or CrashCounter(connection)

    async def take(self, ref: str, now: float) -> ScanListing | None:
        """The scan, if pages are still to be listed. The caller must `let_go` of it."""
        taken = await self._beginnings.take("take_up", ref, ref, now, "scan", int(LEASE_SECONDS * 1000))
        if taken is None:
            return None
        try:
            row = {name: value.decode() for name, value in taken.row.items()}
            return self._listing(ref, row, taken)
        except BaseException:  # the row cannot be read: no worker died
            await self._beginnings.let_go(taken.token)
            raise

    def _listing(self, ref: str, row: Mapping[str, str], taken: Taken) -> ScanListing:
        stored = row.get("cursor", "")
        tallied = _tallied(row)
        return ScanListing(
            ref,
            ref.partition(":")[0],
            row["id"],
            self._cursors.opened(SCAN + ref, stored).cursor if tallied is not _UNREADABLE else None,
            int(row.get("attempts", 0)),
            taken.token,
            taken.crashes,
            Origin.parse(row.get("request_id", ""), row.get("trace", "")),
            _since(row),
            stored,
            int(row.get("pages", 0)),
            is_backfill="severities" in row,
            severities=frozenset(filter(None, row.get("severities", "").split(","))),
            tallied=tallied,
            changes=row.get("changed", ""),
            began=datetime.fromtimestamp(int(row["began"]) / 1000, tz=UTC) if row.get("began") else None,
            report=_report(row),
        )

    async def note_districts(self, named: Iterable[str], now: float) -> list[DistrictChange]:
        """Note that mappings.yaml names these districts at `now` (Unix seconds). Returns what has changed.

        What changed at SchoolScan while a district was not named is then listed in the way of a scan.
        """
        kept = milliseconds(FINGERPRINT_LIFETIME)
        parts = [part.decode() for part in await self._connection.run("note_districts", int(now * 1000), kept, *named)]
        changes = zip(parts[::3], parts[1::3], parts[2::3], strict=True)
        return [DistrictChange(name, what == "back", int(since) / 1000) for name, what, since in changes]

    async def let_go(self, scan: ScanListing) -> None:
        """Report that the process which listed the page is alive, whatever the result was."""
        await self._beginnings.let_go(scan.token)

    async def mark_page(
        self,
        scan: ScanListing,
        next_cursor: str | None,
        cases: Iterable[Mark],
        now: float,
        *,
        left_out: int = 0,
        passed_over: int = 0,
        unmarked: Unmarked = "",
    ) -> int:
        """Mark a page's cases, save the cursor and wake a worker for the next page, in one step, once a page.

        `left_out` of its findings have no id that a case could have: they are counted for the scan and the district;
        and for a backfill how many were `passed_over`. Returns how many cases were marked: all but the `unmarked`.
        """
        marks = marks_of(cases)
        following = self._cursors.sealed(SCAN + scan.ref, next_cursor) if next_cursor else ""
        counted = (left_out, scan.district, milliseconds(FINGERPRINT_LIFETIME))
        cause = LookCause.BACKFILL if scan.is_backfill else LookCause.SCAN
        chosen = (cause, passed_over, unmarked, scan.id)
        args = (scan.ref, int(now * 1000), scan.stored, following, *counted, *chosen)
        return max(0, int(await self._connection.run("mark_page", *args, *marks)))

    async def put_off(self, scan: ScanListing, due: float) -> None:
        """Try the same page again at `due` (Unix seconds)."""
        with passing_errors():
            async with self._connection.redis.pipeline(transaction=True) as pipe:
                pipe.hincrby(SCAN + scan.ref, "attempts", 1)
                pipe.zadd(SCANS, {scan.ref: int(due * 1000)}, xx=True)
                pipe.delete(BEGUN + scan.ref)
                await pipe.execute()


_UNREADABLE = ScanCounts()


def _tallied(row: Mapping[str, str]) -> ScanCounts | None:
    """The numbers so far; None for a list that counts nothing, _UNREADABLE for what another version wrote."""
    try:
        return ScanCounts.parse(row["tallied"]) if "tallied" in row else None
    except ValueError:
        return _UNREADABLE


def _report(row: Mapping[str, str]) -> RequestedReport | None:
    """The report that is made; None for a list."""
    if "form" not in row:
        return None
    asked_at, failures = int(row.get("asked_at", 0)) / 1000, int(row.get("failures", 0))
    return RequestedReport(ReportFormat(row["form"]), row.get("report", ""), asked_at, failures)


def _since(row: Mapping[str, str]) -> float | None:
    """From when on (Unix seconds) findings that changed are listed; None for a scan, and for all."""
    if "since" in row:
        return int(row["since"]) / 1000 - _BEFORE_ABSENCE
    return int(row["changed_since"]) / 1000 if row.get("changed_since") else None


async def read_left_out(connection: Connection) -> Mapping[str, LeftOut]:
    """By district, what its lists had without a usable id, for thirty days after the last. Raises StoreUnavailable."""
    found = await connection.ask(connection.redis.hgetall(LEFT_OUT))
    row = {name.decode(): int(value) for name, value in found.items()}
    counts = {name: count for name, count in row.items() if not name.endswith(":at")}
    return {name: LeftOut(count, row.get(f"{name}:at", 0) / 1000) for name, count in counts.items()}
