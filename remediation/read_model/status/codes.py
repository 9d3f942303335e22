"""The kinds of trouble that the status tells of, by permanent names, and by which kind people are told of each.

A test holds the table in docs/notifications.md to them. Where the doctor has a code for the same, it is the same word.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from remediation.mapping.config.notifying import NoticeKind


class TroubleCode(StrEnum):
    """What is wrong. A line of the status without one tells of no trouble."""

    WORKERS_MISSING = "workers-missing"
    RECEIVERS_MISSING = "receivers-missing"
    PROCESS_UNTOLD = "process-untold"
    VERSIONS_DIFFER = "versions-differ"
    SWEEP_OLD = "sweep-old"
    MAPPINGS_WRONG = "mappings-wrong"
    MAPPINGS_DIFFER = "mappings-differ"
    DELIVERIES_UNREAD = "deliveries-unread"
    DELIVERIES_SILENT = "deliveries-silent"
    DELIVERIES_REFUSED = "deliveries-refused"
    CASES_WAITING = "cases-waiting"
    QUEUE_LONG = "queue-long"
    SIGN_IN = "sign-in"
    SYSTEM_WAITED_FOR = "system-waited-for"
    TRACKER_UNNAMED = "tracker-unnamed"
    PARKED = "parked"
    QUARANTINED = "quarantined"
    CHANGES_UNREAD = "changes-unread"
    FEED_UNREAD = "feed-unread"
    FEED_UNSWEPT = "feed-unswept"
    WEBHOOK_SECRET_ENDED = "webhook-secret-ended"  # noqa: S105 - a code  # nosec B105
    WEBHOOK_SECRET_ENDING = "webhook-secret-ending"  # noqa: S105 - a code  # nosec B105
    NOTIFICATIONS_UNDELIVERED = "notifications-undelivered"


_OTHERS: Mapping[TroubleCode, NoticeKind] = {
    TroubleCode.PARKED: NoticeKind.PARKED,
    TroubleCode.QUARANTINED: NoticeKind.PARKED,
    TroubleCode.SIGN_IN: NoticeKind.SIGN_IN,
    TroubleCode.FEED_UNREAD: NoticeKind.FEEDS,
    TroubleCode.FEED_UNSWEPT: NoticeKind.FEEDS,
    TroubleCode.DELIVERIES_SILENT: NoticeKind.SENDERS,
    TroubleCode.DELIVERIES_REFUSED: NoticeKind.SENDERS,
    TroubleCode.WEBHOOK_SECRET_ENDED: NoticeKind.SECRETS,
    TroubleCode.WEBHOOK_SECRET_ENDING: NoticeKind.SECRETS,
}


def notice_kind_of(code: TroubleCode) -> NoticeKind:
    """The kind of a trouble: what is nothing else means that something stands still, or soon may."""
    return _OTHERS.get(code, NoticeKind.STANDING_STILL)


@dataclass(frozen=True, slots=True)
class TroubleName:
    """Which trouble a line tells of, by what stays the same while it lasts.

    `about` is a tracker, a feed, a sender, a role of processes, or what parked work has in common; `district` is whose
    it is, empty where it is of none; `count` is how much there is of it, where it grows.
    """

    code: TroubleCode
    about: str = ""
    district: str = ""
    count: int = 0


def district_of(system: str) -> str:
    """The district in a system's or a sender's name (`schoolscan:lakeside`, `schoolscan/lakeside`, `incidents:a/b`).

    Empty for a tracker, which is of none.
    """
    for source in ("schoolscan:", "schoolscan/", "incidents:"):
        if system.startswith(source):
            return system.removeprefix(source).partition("/")[0]
    return ""
