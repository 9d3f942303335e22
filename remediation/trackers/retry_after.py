"""When a tracker's answer says to come back. Pure."""

from collections.abc import Mapping
from datetime import datetime
from email.utils import parsedate_to_datetime

_LONGEST_WAIT = 86_400.0
_MOST_DIGITS = 6


def wait_of(headers: Mapping[str, str]) -> float | None:
    """Seconds to wait, where `Retry-After` says so; a date is measured against the server's own clock."""
    asked = headers.get("Retry-After", "").strip()
    if asked.isascii() and asked.isdigit():
        return min(float(asked[:_MOST_DIGITS]), _LONGEST_WAIT)
    until, now = _http_date(asked), served_at(headers)
    if until is None or now is None or until <= now:
        return None
    return min((until - now).total_seconds(), _LONGEST_WAIT)


def served_at(headers: Mapping[str, str]) -> datetime | None:
    """The server's clock, when it answered."""
    return _http_date(headers.get("Date", ""))


def _http_date(text: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, TypeError, OverflowError):
        return None
    return moment if moment.tzinfo else None
