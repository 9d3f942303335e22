"""When to come back according to a tracker's answer. Pure.

Both trackers say in a refusal by a limit when the limit ends: ServiceNow in Unix seconds, Jira Cloud in ISO 8601 to the
minute. ServiceNow says it in every other answer, too, where it has nothing to do with waiting.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus

_LONGEST_WAIT = 86_400.0
_MOST_DIGITS = 6


def wait_of(status: int, headers: Mapping[str, str]) -> float | None:
    """Seconds to wait according to `Retry-After`, or else, in a refusal by a limit, to `X-RateLimit-Reset`.

    Times are compared with the server's own clock.
    """
    asked = headers.get("Retry-After", "").strip()
    if asked.isascii() and asked.isdigit():
        return min(float(asked[:_MOST_DIGITS]), _LONGEST_WAIT)
    wait = _seconds_until(_http_date(asked), headers)
    if wait is None and status == HTTPStatus.TOO_MANY_REQUESTS:
        wait = _seconds_until(_reset(headers.get("X-RateLimit-Reset", "").strip()), headers)
    return wait


def _seconds_until(moment: datetime | None, headers: Mapping[str, str]) -> float | None:
    """None where there is no such time, where it is past, or where the server does not state its own time."""
    now = served_at(headers)
    if moment is None or now is None or moment <= now:
        return None
    return min((moment - now).total_seconds(), _LONGEST_WAIT)


def _reset(text: str) -> datetime | None:
    """The time in `X-RateLimit-Reset`: Unix seconds, or ISO 8601 with an offset."""
    try:
        if text.isascii() and text.isdigit():
            return datetime.fromtimestamp(int(text), tz=UTC)
        moment = datetime.fromisoformat(text)
    except (ValueError, OverflowError, OSError):
        return None
    return moment if moment.tzinfo else None


def served_at(headers: Mapping[str, str]) -> datetime | None:
    """The server's time when it answered."""
    return _http_date(headers.get("Date", ""))


def _http_date(text: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(text)
        return moment.astimezone(UTC) if moment.tzinfo else None
    except (ValueError, TypeError, OverflowError):
        return None
