"""How bad something is, and from where on: the same for every front end, and for the chart's alerts."""

from collections.abc import Iterable
from enum import StrEnum


class Level(StrEnum):
    """How bad a trouble is. A warning can wait for the day, a failure cannot."""

    OK = "ok"
    WARNING = "warning"
    FAILURE = "failure"


def worst_of(levels: Iterable[Level]) -> Level:
    """The worst of these levels; OK where there is none."""
    return max(levels, key=list(Level).index, default=Level.OK)


UNREAD_SECONDS = 300
WAITING_SECONDS = 14_400
SILENT_SECONDS = 86_400
LONG_QUEUE = 5_000
OVERDUE_SECONDS = 3_600
UNSWEPT_SECONDS = 172_800
"""From where on it is worth telling; the alerts of the chart have the same numbers."""

SWEEP_SECONDS = 120
"""Seconds without a sweep that count as none; the chart's alert has the same number."""

POLL_SECONDS = 900
"""Seconds for which a tracker's changes may go unread: half a minute is usual, and small limits make it more."""

REFUSED_SECONDS = 86_400
"""For how long it is told of a sender that it was refused."""

RISK_SECONDS = 14 * 86_400
"""How long before its end it is told of an accepted risk."""
