"""An answer of a tracker before it is interpreted, and when the tracker may be asked again. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus

from remediation.domain.outside_words import REQUEST_ID

_REQUEST_IDS = ("Atl-Traceid", "X-Arequestid", "X-Transaction-ID", "X-Request-ID")
"""Headers with the tracker's own id of a request: Jira Cloud's, Jira Data Center's, ServiceNow's, gateways'."""

_LONGEST_WAIT = 86_400.0
_MOST_DIGITS = 6


@dataclass(frozen=True, slots=True)
class Reply:
    """An HTTP answer. `headers` are looked up without regard to case; `wrote` is true where the request could write."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)
    wrote: bool

    @property
    def request_id(self) -> str | None:
        """The tracker's own id of the request."""
        return next((value for name in _REQUEST_IDS if (value := REQUEST_ID.of(self.headers.get(name)))), None)


def wait_of(status: int, headers: Mapping[str, str]) -> float | None:
    """Seconds to wait according to `Retry-After`, or else, in a refusal by a limit, to `X-RateLimit-Reset`.

    Jira Cloud states that header in ISO 8601 to the minute, ServiceNow in Unix seconds. ServiceNow sends it with every
    answer; outside of a refusal by a limit it does not ask for a wait. Times are compared with the server's own clock.
    """
    asked = headers.get("Retry-After", "").strip()
    if asked.isascii() and asked.isdigit():
        return min(float(asked[:_MOST_DIGITS]), _LONGEST_WAIT)
    wait = _seconds_until(_http_date(asked), headers)
    if wait is None and status == HTTPStatus.TOO_MANY_REQUESTS:
        wait = reset_of(headers)
    return wait


def reset_of(headers: Mapping[str, str]) -> float | None:
    """Seconds until the moment in `X-RateLimit-Reset` (see `wait_of`); None where there is none, or it is past."""
    return _seconds_until(_reset(headers.get("X-RateLimit-Reset", "").strip()), headers)


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
