"""Jira's rate limits: on Cloud three at once, on Data Center a bucket for each user. None counts unless it is set."""

import math
import re
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime

ISSUE_SECONDS = 2
QUOTA_SECONDS = 3600
_ISSUE = re.compile(r"issue/([^/]+)")


@dataclass(slots=True)
class JiraLimits:
    """Settable while running; None for no limit.

    Cloud: `burst` requests a second of one method to one endpoint, `issue_writes` to one issue in two seconds, `quota`
    of all in an hour. Data Center: `bucket` tokens of a user at the most, of which `fill` come back every `interval`
    seconds.
    """

    burst: int | None = None
    issue_writes: int | None = None
    quota: int | None = None
    bucket: int | None = None
    fill: int = 5
    interval: int = 60
    _spent: Counter[tuple[str, int]] = field(default_factory=Counter)
    _tokens: dict[str, tuple[int, int]] = field(default_factory=dict)

    def on_cloud(self, method: str, endpoint: str, path: str, now: float) -> tuple[bool, dict[str, str]]:
        """Whether the request may pass, and the headers that its answer carries. `endpoint` has no ids in it."""
        issue = _ISSUE.search(path) if method != "GET" else None
        limits = [
            ("jira-burst-based", f"{method} {endpoint}", self.burst, 1),
            ("jira-per-issue-on-write", issue[0] if issue else "", self.issue_writes, ISSUE_SECONDS),
            ("jira-quota-tenant-based", "quota", self.quota, QUOTA_SECONDS),
        ]
        counted = [(reason, (name, int(now // each)), limit, each) for reason, name, limit, each in limits if name]
        for reason, key, limit, seconds in counted:
            if limit is not None and self._spent[key] >= limit:
                wait = max(1, math.ceil((key[1] + 1) * seconds - now))
                return False, {
                    **_told(limit, 0),
                    "Retry-After": str(wait),
                    "RateLimit-Reason": reason,
                    "X-RateLimit-Reset": _to_the_minute(now + wait),
                }
        for _, key, limit, _ in counted:
            self._spent[key] += limit is not None
        if self.quota is None:
            return True, {}
        window = int(now // QUOTA_SECONDS)
        left = self.quota - self._spent["quota", window]
        return True, {**_told(self.quota, left), "X-RateLimit-Reset": _to_the_minute((window + 1) * QUOTA_SECONDS)}

    def on_data_center(self, user: str, now: float) -> tuple[bool, dict[str, str]]:
        """The same for a user of Data Center."""
        if self.bucket is None:
            return True, {}
        interval = int(now // self.interval)
        tokens, since = self._tokens.get(user, (self.bucket, interval))
        tokens = min(self.bucket, tokens + (interval - since) * self.fill)
        passes = tokens > 0
        self._tokens[user] = (tokens - passes, interval)
        wait = 0 if passes else max(1, math.ceil((interval + 1) * self.interval - now))
        return passes, {
            **_told(self.bucket, tokens - passes),
            "X-RateLimit-Interval-Seconds": str(self.interval),
            "X-RateLimit-FillRate": str(self.fill),
            "Retry-After": str(wait),
        }


def _told(limit: int, remaining: int) -> dict[str, str]:
    return {"X-RateLimit-Limit": str(limit), "X-RateLimit-Remaining": str(remaining)}


def _to_the_minute(moment: float) -> str:
    return datetime.fromtimestamp(moment, tz=UTC).strftime("%Y-%m-%dT%H:%MZ")
