"""Scans of a district's account as people and programs are shown them. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from remediation.domain.findings import Scan, ScanStatus
from remediation.read_model.cases.words import time_words

MOST_SCANS = 500
"""The most scans of one page."""

_NOT_BEGUN = datetime.max.replace(tzinfo=UTC)
_QUEUED = "queued"
_BETWEEN = "~"


@dataclass(frozen=True, slots=True, order=True)
class ScanPlace:
    """Where a scan stands in a list. A scan that has not begun is newer than all others."""

    started_at: datetime
    id: str

    @classmethod
    def of(cls, scan: Scan) -> "ScanPlace":
        """The place of a scan."""
        return cls(scan.started_at or _NOT_BEGUN, scan.id)

    @classmethod
    def parse(cls, text: str) -> "ScanPlace":
        """The place that `str` wrote. Raises ValueError."""
        moment, _, scan_id = text.partition(_BETWEEN)
        started_at = _NOT_BEGUN if moment == _QUEUED else datetime.fromisoformat(moment)
        if not scan_id or started_at.tzinfo is None:
            raise ValueError("no place")
        return cls(started_at, scan_id)

    def __str__(self) -> str:
        """The place as a cursor."""
        moment = _QUEUED if self.started_at == _NOT_BEGUN else self.started_at.isoformat()
        return f"{moment}{_BETWEEN}{self.id}"


@dataclass(frozen=True, slots=True)
class ScanListPage:
    """Scans, newest first; `after` is where the next page begins, None at the end."""

    scans: tuple[Scan, ...]
    after: ScanPlace | None


def scan_page(scans: Iterable[Scan], limit: int, after: ScanPlace | None) -> ScanListPage:
    """At most `limit` of the scans, newest first, behind a place; each once, however often it was listed."""
    places = {ScanPlace.of(scan): scan for scan in {scan.id: scan for scan in scans}.values()}
    chosen = sorted((place for place in places if after is None or place < after), reverse=True)
    shown = chosen[:limit]
    return ScanListPage(tuple(places[place] for place in shown), shown[-1] if len(chosen) > limit else None)


def status_words(scan: Scan) -> str:
    """The scan's status; where we do not know it, SchoolScan's own word."""
    return scan.words.get("status", scan.status) if scan.status is ScanStatus.UNKNOWN else scan.status


def scan_facts(scan: Scan) -> list[tuple[str, str]]:
    """What is known of a scan, each fact by its name; what SchoolScan does not state is left out."""
    scores = ", ".join(f"{name} {score}" for name, score in sorted(scan.domain_scores.items()))
    facts = (
        ("site", scan.domain),
        ("status", status_words(scan)),
        ("started", scan.started_at and f"{time_words(scan.started_at)} UTC"),
        ("ended", scan.completed_at and f"{time_words(scan.completed_at)} UTC"),
        ("pages", _count(scan.pages_scanned)),
        ("findings", _count(scan.findings_count)),
        ("grade", scan.overall_grade),
        ("scores", scores),
    )
    return [(name, words) for name, words in facts if words]


def scan_json(district: str, scan: Scan) -> dict[str, Any]:
    """A scan for programs."""
    return {
        "district": district,
        "id": scan.id,
        "status": scan.status,
        "words": dict(scan.words),
        "domain": scan.domain,
        "started_at": scan.started_at and scan.started_at.isoformat(),
        "completed_at": scan.completed_at and scan.completed_at.isoformat(),
        "pages_scanned": scan.pages_scanned,
        "findings_count": scan.findings_count,
        "overall_grade": scan.overall_grade,
        "domain_scores": dict(scan.domain_scores),
    }


def _count(number: int | None) -> str | None:
    return None if number is None else f"{number:,}"
