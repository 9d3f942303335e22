"""Scans as far as we know them, for people and programs: how far their findings are listed, and what that found."""

from collections.abc import Mapping, Sequence
from typing import Any

from remediation.store.cases.entries import moment
from remediation.store.cases.lists import with_rows
from remediation.store.scans.counting import summary_of
from remediation.store.scans.named import NamedScan, ScanState
from remediation.store.server.connection import Connection

SCAN_COLUMNS = (
    *("district", "scan", "state", "named_at", "completed_at", "ended_at"),
    *("pages", "marked", "left_out"),
)
"""The columns of `scan_row`, for tables."""

_STATES: Mapping[ScanState, str] = {
    ScanState.STARTED: "SchoolScan scans",
    ScanState.LISTING: "its findings are being listed",
    ScanState.PARKED: "its list was refused: a person has to decide",
    ScanState.GIVEN_UP: "its list was refused, and given up",
    ScanState.LISTED: "its findings are listed",
}


def scan_state_words(scan: NamedScan) -> str:
    """How far it is, in words."""
    return _STATES[scan.state]


def scan_row(scan: NamedScan) -> dict[str, Any]:
    """A scan for programs, with SCAN_COLUMNS. Times are ISO 8601."""
    return {
        "district": scan.district,
        "scan": scan.id,
        "state": str(scan.state),
        "named_at": moment(scan.named_at).isoformat(),
        "completed_at": _iso(scan.completed_at),
        "ended_at": _iso(scan.ended_at),
        "pages": scan.pages,
        "marked": scan.marked,
        "left_out": scan.left_out,
    }


async def summaries_of(connection: Connection, scans: Sequence[NamedScan]) -> dict[str, str]:
    """The case that sums up each of these scans, by the reference of a scan that has one. Raises StoreUnavailable."""
    cases = {scan.ref: summary_of(scan.district, scan.id).ref for scan in scans}
    there = await with_rows(connection, list(cases.values()))
    return {scan: case for scan, case in cases.items() if case in there}


def _iso(at: float | None) -> str | None:
    return None if at is None else moment(at).isoformat()
