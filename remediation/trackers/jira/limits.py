"""What Jira's answers say of its rate limits. Pure.

Jira Cloud applies three limits at once, and a 429 says in `RateLimit-Reason` which of them it is about: the requests of
one method to one endpoint, the writes to one issue, or a quota of all. `Retry-After` is in seconds; `X-RateLimit-Reset`
is ISO 8601 to the minute. Of a quota each answer may say how much remains; of the others nothing that lasts longer than
the second in which it was said.

Data Center has a bucket for each user: each answer says how large it is (`X-RateLimit-Limit`), how much is in it
(`X-RateLimit-Remaining`), and how much comes back (`X-RateLimit-FillRate`) how often (`X-RateLimit-Interval-Seconds`).
"""

import re
from collections.abc import Collection, Mapping
from http import HTTPStatus

from remediation.outbound.answers import number_in
from remediation.outbound.metering import SaidLimit, SentRequest
from remediation.trackers.replies import reset_of, wait_of

ALL = "all"
"""A quota, a bucket, or a refusal that names nothing: it counts for every request."""

ONE_ISSUE = "jira-per-issue-on-write"
ONE_ENDPOINT = "jira-burst-based"
"""Jira Cloud's words for limits that say nothing about other requests."""

QUOTA_WINDOW = 3600.0
"""Seconds of a quota's window."""

_MINUTE = 60.0
"""The time of a reset has no seconds: it may be later by so much."""

_READS = frozenset({"GET", "HEAD", "OPTIONS"})
_BELOW_API = re.compile(r"/rest/api/[^/]+/(.*)")
_WORD = re.compile(r"[a-z][A-Za-z]{0,30}")
_ISSUE = re.compile(r"issue/([0-9A-Za-z_-]{1,40})(?:/|$)")
_NO_ISSUE = frozenset({"createmeta", "bulk", "picker"})
_MOST_DIGITS = 9
_LONGEST = 80


class JiraLimitReader:
    """Implements remediation.outbound.metering.LimitReader."""

    def scopes(self, request: SentRequest, known: Collection[str]) -> tuple[str, ...]:
        """Returns those of the three limits, or the bucket, that were told."""
        return tuple(each for each in (ALL, _endpoint_of(request), _issue_of(request)) if each in known)

    def said(self, request: SentRequest, status: int, headers: Mapping[str, str], now: float) -> tuple[SaidLimit, ...]:
        """Returns what a refusal closes, or else what remains of a quota or a bucket."""
        del now  # Jira's own time counts, in the answer's `Date`
        if status == HTTPStatus.TOO_MANY_REQUESTS:
            return (_refusal(request, headers, wait_of(status, headers) or 0.0),)
        bucket = _bucket(headers) or _quota(headers)
        return (bucket,) if bucket else ()


def _refusal(request: SentRequest, headers: Mapping[str, str], closed: float) -> SaidLimit:
    match headers.get("RateLimit-Reason", "").strip():
        case reason if reason == ONE_ENDPOINT:
            return SaidLimit(_endpoint_of(request), closed=closed)
        case reason if reason == ONE_ISSUE and _issue_of(request):
            return SaidLimit(_issue_of(request), closed=closed)
        case _:
            return SaidLimit(ALL, closed=closed)


def _bucket(headers: Mapping[str, str]) -> SaidLimit | None:
    """A bucket. When the next batch comes it does not say: in one interval at the latest."""
    limit, remaining = _count(headers, "Limit"), _count(headers, "Remaining")
    fill, interval = _count(headers, "FillRate"), _count(headers, "Interval-Seconds")
    if not limit or remaining is None or not fill or not interval:
        return None
    seconds = min(float(interval), QUOTA_WINDOW)
    return SaidLimit(ALL, limit, seconds, fill, seconds, remaining=min(remaining, limit))


def _quota(headers: Mapping[str, str]) -> SaidLimit | None:
    """A quota. A limit without the end of its window is by the second, and of no use to other workers."""
    limit, remaining, ends_in = _count(headers, "Limit"), _count(headers, "Remaining"), reset_of(headers)
    if not limit or remaining is None or ends_in is None:
        return None
    ends_in = min(ends_in + _MINUTE, QUOTA_WINDOW)
    return SaidLimit(ALL, limit, QUOTA_WINDOW, limit, ends_in, remaining=min(remaining, limit))


def _endpoint_of(request: SentRequest) -> str:
    """The method and the path without ids, as `burst-GET-issue.id`."""
    found = _BELOW_API.search(request.path)
    parts = (found[1] if found else "").strip("/").split("/")
    words = ".".join(part if _WORD.fullmatch(part) else "id" for part in parts)
    return f"burst-{request.method}-{words}"[:_LONGEST]


def _issue_of(request: SentRequest) -> str:
    """The issue to which a request writes; empty for others."""
    found = _BELOW_API.search(request.path)
    issue = _ISSUE.match(found[1]) if found else None
    return "" if request.method in _READS or issue is None or issue[1] in _NO_ISSUE else f"issue-{issue[1]}"


def _count(headers: Mapping[str, str], name: str) -> int | None:
    return number_in(headers.get(f"X-RateLimit-{name}"), _MOST_DIGITS)
