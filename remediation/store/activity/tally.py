"""What a process counts of its work, summed in memory: nothing on the way of a delivery or a look asks Redis for it.

A count is named by a few fixed words and, for deliveries, by the kind of their sender. It is counted for the whole
service, and for a district where it is about one.
"""

from collections import Counter
from collections.abc import Mapping
from enum import StrEnum
from functools import cache

from remediation.domain.status import Severity
from remediation.store.activity.buckets import BOUNDS, bucket_of

MOST_SUMS = 5_000
"""Sums that a process holds in memory between two messages to Redis. More than this, of many hundred districts that all
have much to do within seconds, are counted for the whole service alone."""

WHOLE = ""
"""In place of a district: the whole service."""


class DeliveryAnswer(StrEnum):
    """What became of a delivery where it was received. The first four are answers of 202.

    UNSIGNED is 401, REFUSED any other answer that says that the sender is wrong, LATER is 503.
    """

    STORED = "stored"
    REPEATED = "repeated"
    IGNORED = "ignored"
    QUARANTINED = "quarantined"
    UNSIGNED = "unsigned"
    REFUSED = "refused"
    LATER = "later"

    @property
    def is_accepted(self) -> bool:
        """Whether the sender was told that the delivery is taken."""
        return self in _TAKEN


_TAKEN = frozenset({DeliveryAnswer.STORED, DeliveryAnswer.REPEATED, DeliveryAnswer.IGNORED, DeliveryAnswer.QUARANTINED})
_UNSIGNED, _FAILS = 401, 500


class ResponseKind(StrEnum):
    """What a delivery waits for: the first ticket of its case, and the change of the finding's status."""

    TICKET = "ticket"
    STATUS = "status"


class WorkCount(StrEnum):
    """What workers count one by one."""

    OPENED = "opened"
    """Tickets that were opened."""
    PATCHED = "patched"
    """Changes of a finding's status at SchoolScan."""


def answer_of(status: int, outcome: str) -> DeliveryAnswer:
    """What an answer means: its HTTP status, and for 202 what became of the delivery (a word of DeliveryAnswer)."""
    if status < 400:  # noqa: PLR2004 - the first status that refuses
        return DeliveryAnswer(outcome)
    if status == _UNSIGNED:
        return DeliveryAnswer.UNSIGNED
    return DeliveryAnswer.REFUSED if status < _FAILS else DeliveryAnswer.LATER


@cache
def delivery_name(sender: str, answer: DeliveryAnswer) -> str:
    """The name of the count of deliveries of this kind of sender that were answered so."""
    return f"delivery:{sender}:{answer}"


@cache
def look_name(outcome: str) -> str:
    """The name of the count of looks that ended so."""
    return f"look:{outcome}"


def response_name(kind: ResponseKind, severity: Severity, seconds: float) -> str:
    """The name of the count of deliveries that were responded to within such a span, of a case this severe."""
    return _bucket_name(kind, severity, bucket_of(seconds))


@cache
def _bucket_name(kind: ResponseKind, severity: Severity, place: int) -> str:
    return f"{kind}:{severity}:{place}"


def responses_in(counts: Mapping[str, int], kind: ResponseKind) -> dict[Severity, dict[int, int]]:
    """How many responses are counted in each bucket, by severity."""
    found: dict[Severity, dict[int, int]] = {}
    for name, severity, place in _buckets(kind):
        if name in counts:
            found.setdefault(severity, {})[place] = counts[name]
    return found


@cache
def _buckets(kind: ResponseKind) -> tuple[tuple[str, Severity, int], ...]:
    """The name of each bucket, and whose it is."""
    places = range(len(BOUNDS) + 1)
    return tuple((_bucket_name(kind, severity, place), severity, place) for severity in Severity for place in places)


class ActivityTally:
    """The sums of one process since they were last taken. It belongs to one event loop."""

    def __init__(self, most: int = MOST_SUMS) -> None:
        self._most = most
        self._sums: Counter[tuple[str, str]] = Counter()

    def __bool__(self) -> bool:
        return bool(self._sums)

    def add(self, name: str, district: str = WHOLE, count: int = 1) -> None:
        """Count something, for the whole service and for the district where there is one.

        For a district, nothing new is begun where there are too many sums.
        """
        self._sums[WHOLE, name] += count
        if district != WHOLE and ((district, name) in self._sums or len(self._sums) < self._most):
            self._sums[district, name] += count

    def take(self) -> Mapping[tuple[str, str], int]:
        """The sums by district and name; they begin anew."""
        taken, self._sums = self._sums, Counter()
        return taken
