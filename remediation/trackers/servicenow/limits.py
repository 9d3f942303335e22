"""What ServiceNow's answers say of its rate limits. Pure, but for which rule counts for which table.

A rule limits the requests of a user in an hour, to all tables or to one, for all methods or for one. An answer to a
request that a rule counts for has `X-RateLimit-Limit`, `X-RateLimit-Reset` (Unix seconds) and `X-RateLimit-Rule` (a
sys_id). How many remain it does not say. Beyond the limit there is a 429 with `Retry-After`. A 429 without any of these
is about requests at once: the instance is busy.
"""

import re
from collections.abc import Collection, Mapping
from hashlib import sha256
from http import HTTPStatus

from remediation.outbound.answers import number_in
from remediation.outbound.metering import SaidLimit, SentRequest
from remediation.trackers.replies import served_at, wait_of

WINDOW = 3600.0
"""Seconds of a window: rules are by the hour."""

BUSY = "busy"
RULE = "rule-"
_RULE_ID = re.compile(r"[0-9a-f]{32}")
_MOST_DIGITS = 10
_TABLE = re.compile(r"/table/([a-z0-9_]{1,80})")
_MOST_CLASSES = 200
"""Methods and tables whose rule is remembered: more than any file names."""


class RuleReader:
    """Implements remediation.outbound.metering.LimitReader. One for all threads of a tracker."""

    def __init__(self) -> None:
        self._rules: dict[tuple[str, str], str] = {}

    def scopes(self, request: SentRequest, known: Collection[str]) -> tuple[str, ...]:
        """Returns the rule that counted for such requests so far; all where that is not known, and none is exceeded."""
        rule = self._rules.get(_class_of(request))
        busy = (BUSY,) if BUSY in known else ()
        if rule is not None:
            return (*((rule,) if rule in known else ()), *busy)
        return (*sorted(each for each in known if each.startswith(RULE)), *busy)

    def said(self, request: SentRequest, status: int, headers: Mapping[str, str], now: float) -> tuple[SaidLimit, ...]:
        """Returns what the answer says of the rule that counted, or that the instance is busy."""
        limit, reset = (number_in(headers.get(f"X-RateLimit-{part}"), _MOST_DIGITS) for part in ("Limit", "Reset"))
        is_refused = status == HTTPStatus.TOO_MANY_REQUESTS
        wait = wait_of(status, headers) if is_refused else None
        if not limit or reset is None:
            return (SaidLimit(BUSY, closed=wait or 0.0),) if is_refused else ()
        rule = _scope_of(headers.get("X-RateLimit-Rule", ""))
        if len(self._rules) < _MOST_CLASSES:
            self._rules[_class_of(request)] = rule
        served = served_at(headers)
        ends_in = min(max(reset - (served.timestamp() if served else now), 0.0), WINDOW)
        return (SaidLimit(rule, limit, WINDOW, limit, ends_in, closed=(wait or 0.0) if is_refused else None),)


def _scope_of(rule: str) -> str:
    """The limit of this rule; of what is no sys_id a digest, because it goes into names of keys, logs and metrics."""
    return RULE + (rule if _RULE_ID.fullmatch(rule) else sha256(rule.encode()).hexdigest()[:12])


def _class_of(request: SentRequest) -> tuple[str, str]:
    found = _TABLE.search(request.path)
    return request.method, found[1] if found else ""
