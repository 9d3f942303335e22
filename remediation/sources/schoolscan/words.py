"""SchoolScan's JSON as our values. Pure, and tolerant: only an object's id is required.

Unknown fields are ignored, a field of the wrong type counts as missing, an unknown word becomes UNKNOWN and is kept in
`words`. Descriptions, evidence and matched values are never read. Raises only Unreadable.
"""

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from enum import StrEnum
from typing import TypeVar
from urllib.parse import urlsplit

from remediation.domain.cases.records import outside_id
from remediation.domain.errors import Unreadable
from remediation.domain.findings import DomainType, Finding, Report, ReportDownload, ReportStatus, Scan, ScanStatus
from remediation.domain.outside_words import CODE, GRADE, ReviewOutcome
from remediation.domain.status import Severity, Status

_Word = TypeVar("_Word", bound=StrEnum)

_LONGEST_WORD = 64
_LONGEST_COUNT = 2**53
_AT_MOST = 4
"""So many times the characters that are wanted are cleaned: a text of megabytes would stop everything for seconds."""
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
_NO_WORD = "(no word)"
_LONGEST_TITLE = 2_000
_LONGEST_URL = 8_000
"""Characters that are read of a title and of an address: more than any ticket has room for."""
_HOST = re.compile(r"[\w.:-]{1,253}")

_SEVERITIES = {word.value: word for word in Severity if word is not Severity.UNKNOWN}
_DOMAIN_TYPES = {word.value: word for word in DomainType if word is not DomainType.UNKNOWN}
_FINDING_STATUSES = {word.value: word for word in Status if word not in {Status.GONE, Status.UNKNOWN}}
_OUTCOMES = {word.value: word for word in ReviewOutcome}
_SCAN_STATUSES = {word.value: word for word in ScanStatus if word is not ScanStatus.UNKNOWN}
_REPORT_STATUSES = {
    **dict.fromkeys(("queued", "pending", "processing", "running", "generating"), ReportStatus.PENDING),
    **dict.fromkeys(("completed", "complete", "ready", "done", "available"), ReportStatus.READY),
    **dict.fromkeys(("failed", "error", "cancelled", "expired"), ReportStatus.FAILED),
}
"""The vendor's page does not have these words: those that such APIs use."""


def json_of(raw: bytes) -> object:
    """Returns the JSON value in an answer's body. Raises Unreadable for anything that is not JSON."""
    try:
        return json.loads(raw.decode("utf-8-sig", "replace"))
    except (ValueError, RecursionError):
        raise Unreadable("the answer is not JSON") from None


def finding_of(value: object) -> Finding:
    """Returns the finding that a JSON value describes. Raises Unreadable where it has no id."""
    fields = _fields(value)
    words: dict[str, str] = {}
    url = text_of(fields.get("url"), _LONGEST_URL)
    review = fields.get("expert_review")
    return Finding(
        id=_id(fields, "id"),
        status=_word(fields, "status", _FINDING_STATUSES, Status.UNKNOWN, words),
        severity=_word(fields, "severity", _SEVERITIES, Severity.UNKNOWN, words),
        domain_type=_word(fields, "domain_type", _DOMAIN_TYPES, DomainType.UNKNOWN, words),
        scan_id=outside_id(text_of(fields.get("scan_id"))),
        title=text_of(fields.get("title"), _LONGEST_TITLE),
        url=url,
        site=site_of(url),
        detected_at=moment_of(fields.get("detected_at")),
        updated_at=moment_of(fields.get("updated_at")),
        review=_outcome_of(review) if isinstance(review, dict) else None,
        words=words,
    )


def _outcome_of(review: Mapping[str, object]) -> ReviewOutcome | None:
    """Returns the outcome of a review; UNKNOWN for a word or a text that is not on our list."""
    outcome = line_of(review.get("outcome"), _LONGEST_WORD)
    if outcome is None:
        return None
    return _OUTCOMES.get(outcome.lower(), ReviewOutcome.UNKNOWN)


def scan_of(value: object) -> Scan:
    """Returns the scan that a JSON value describes. Raises Unreadable where it has no id."""
    fields = _fields(value)
    words: dict[str, str] = {}
    return Scan(
        id=_id(fields, "id", "scan_id"),
        status=_word(fields, "status", _SCAN_STATUSES, ScanStatus.UNKNOWN, words),
        domain=_host_of(fields.get("domain")),
        started_at=moment_of(fields.get("started_at")),
        completed_at=moment_of(fields.get("completed_at")),
        pages_scanned=_count(fields.get("pages_scanned")),
        findings_count=_count(fields.get("findings_count")),
        overall_grade=GRADE.of(fields.get("overall_grade")) or None,
        domain_scores=_scores(fields.get("domain_scores")),
        words=words,
    )


def scan_id_of(value: object) -> str:
    """Returns the id of a scan that was just started. Raises Unreadable where there is none."""
    return _id(_fields(value), "scan_id", "id")


def report_of(value: object) -> Report:
    """Returns the report that a JSON value describes. Raises Unreadable where it has no id."""
    fields = _fields(value)
    words: dict[str, str] = {}
    status = _word(fields, "status", _REPORT_STATUSES, ReportStatus.UNKNOWN, words)
    return Report(_id(fields, "id", "report_id"), status, words)


def download_of(value: object) -> ReportDownload:
    """Returns the address from which a report can be fetched. Raises Unreadable where there is none."""
    fields = _fields(value)
    url = text_of(fields.get("url"))
    if url is None or not url.startswith(("https://", "http://")):
        raise Unreadable("the download has no address")
    return ReportDownload(url=url, expires_at=moment_of(fields.get("expires_at")))


def text_of(value: object, longest: int | None = None) -> str | None:
    """Returns the text, cut to `longest` characters, or None.

    Lone surrogates, which JSON allows and UTF-8 does not, are replaced.
    """
    if not isinstance(value, str) or not value:
        return None
    return value[:longest].encode("utf-8", "replace").decode("utf-8")


def line_of(value: object, longest: int) -> str | None:
    """Returns the text on one line, without control characters and cut to `longest` characters, or None."""
    text = text_of(value, _AT_MOST * longest)
    if text is None:
        return None
    return _CONTROL.sub(" ", text).strip()[:longest] or None


def moment_of(value: object) -> datetime | None:
    """Returns an ISO 8601 date and time in UTC; one without an offset is UTC. None for anything else."""
    if not isinstance(value, str) or not value.isascii():
        return None
    try:
        moment = datetime.fromisoformat(value.strip().upper())
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def site_of(url: str | None) -> str | None:
    """Returns the host of an address, in lower case and without a final dot; None where there is none."""
    if url is None or "://" not in url:
        return None
    try:
        host = (urlsplit(url).hostname or "").rstrip(".")
    except ValueError:
        return None
    return host if _HOST.fullmatch(host) else None


def _host_of(value: object) -> str | None:
    """Returns the name of a host, or None."""
    return value if isinstance(value, str) and _HOST.fullmatch(value) else None


def _fields(value: object) -> Mapping[str, object]:
    """Returns the fields of an object, which may be wrapped in `data`. Raises Unreadable for another value."""
    if not isinstance(value, dict):
        raise Unreadable("the answer is not an object")
    inner = value.get("data")
    return inner if isinstance(inner, dict) and "id" not in value else value


def _id(fields: Mapping[str, object], *names: str) -> str:
    for name in names:
        if found := outside_id(fields.get(name)):
            return found
    raise Unreadable("the object has no id")


def _word(
    fields: Mapping[str, object], name: str, known: Mapping[str, _Word], unknown: _Word, words: dict[str, str]
) -> _Word:
    """Returns the enum member for a field's word; a word that is not known is kept in `words`."""
    raw = line_of(fields.get(name), _LONGEST_WORD)
    if raw is None:
        return unknown
    found = known.get(raw.lower())
    if found is None:
        words[name] = CODE.of(raw) or _NO_WORD
    return found or unknown


def _count(value: object) -> int | None:
    if isinstance(value, bool) or not isinstance(value, int):
        return None
    return value if 0 <= value < _LONGEST_COUNT else None


def _scores(value: object) -> dict[str, int]:
    if not isinstance(value, dict):
        return {}
    counted = ((CODE.of(name), _count(score)) for name, score in value.items())
    return {name: score for name, score in counted if name and score is not None}
