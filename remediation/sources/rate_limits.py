"""What the headers of a source's answer say about its rate limits and about waiting. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import TypeVar

from remediation.outbound.answers import number_in

SHORTEST_WAIT = 1.0
LONGEST_WAIT = 3600.0
"""Limits in seconds for a wait that a header asks for: a wrong clock must not stop work for a year."""

_MomentT = TypeVar("_MomentT", float, None)


@dataclass(frozen=True, slots=True)
class RateLimit:
    """The number of requests in the current window, and how many are left. Reads and writes are counted separately."""

    limit: int
    remaining: int


def rate_limit_of(headers: Mapping[str, str]) -> RateLimit | None:
    """Returns the state of the rate limit; None unless both headers are plain numbers."""
    limit, remaining = (number_in(headers.get(f"X-RateLimit-{part}")) for part in ("Limit", "Remaining"))
    return None if limit is None or remaining is None else RateLimit(limit, remaining)


def wait_of(headers: Mapping[str, str], now: float) -> float | None:
    """Returns the seconds to wait, within the limits above; None where no header states them.

    `Retry-After` (seconds or a date) counts before `X-RateLimit-Reset` (Unix seconds). Times are compared with the
    answer's own `Date`, and where it has none with `now`, the Unix seconds of this machine.
    """
    now = _moment(headers.get("Date") or "", now)
    wait = _retry_after(headers.get("Retry-After"), now)
    if wait is None:
        reset = number_in(headers.get("X-RateLimit-Reset"))
        wait = None if reset is None else reset - now
    return None if wait is None else min(max(wait, SHORTEST_WAIT), LONGEST_WAIT)


def _retry_after(text: str | None, now: float) -> float | None:
    seconds = number_in(text)
    if text is None or seconds is not None:
        return seconds
    moment = _moment(text, None)
    return None if moment is None else moment - now


def _moment(text: str, otherwise: _MomentT) -> float | _MomentT:
    """Returns the Unix seconds of an HTTP date; `otherwise` for any other text."""
    try:
        return parsedate_to_datetime(text).timestamp()
    except (ValueError, TypeError, OverflowError, IndexError):
        return otherwise
