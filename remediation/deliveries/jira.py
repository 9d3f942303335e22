"""Deliveries of Jira: how they are signed, and which ticket they tell of. Pure.

Nothing else is read: no summary, description or comment. What the ticket is like now is read back from the tracker.
"""

import re
from datetime import UTC, datetime

from remediation import strict_json
from remediation.deliveries.events import Sender, UnknownEvent, kind_in
from remediation.deliveries.signatures import SignatureFormat
from remediation.deliveries.ticket_events import (
    NUMBER,
    TicketEventKind,
    TicketNoticed,
    mark_in,
    noticed,
    object_in,
    text_of,
)
from remediation.domain.errors import Unreadable
from remediation.domain.outside_words import ISSUE_KEY
from remediation.domain.tickets import is_as_opened

_KINDS = {
    "jira:issue_created": TicketEventKind.CREATED,
    "jira:issue_updated": TicketEventKind.CHANGED,
    "jira:issue_deleted": TicketEventKind.DELETED,
    "comment_created": TicketEventKind.COMMENTED,
    "comment_updated": TicketEventKind.COMMENTED,
    "comment_deleted": TicketEventKind.COMMENTED,
}
_COMMENT_ADDRESS = re.compile(r"https?://[^\s?#]+/issue/([0-9]{1,18})/comment/[0-9]{1,18}")


def _read_event(body: bytes) -> TicketNoticed | UnknownEvent:
    """The event in a delivery of Jira: an issue's, or that of one of its comments. Raises Unreadable.

    The mark is found among the labels. Deliveries about comments have few of the issue's fields on Cloud (no mark, no
    version) and no issue at all on Data Center: there the comment's own address has its id.
    """
    tree = object_in(body)
    kind = kind_in(tree.get("webhookEvent"), _KINDS)
    if isinstance(kind, UnknownEvent):
        return kind
    issue_id = text_of(strict_json.at(tree, "issue", "id"), NUMBER)
    if kind is TicketEventKind.COMMENTED and "issue" not in tree:
        issue_id = _issue_of_comment(strict_json.at(tree, "comment", "self"))
    if not issue_id:
        raise Unreadable("the body names no issue")
    labels = strict_json.at(tree, "issue", "fields", "labels")
    marks = map(mark_in, labels if isinstance(labels, list) else ())
    updated = _moment(strict_json.at(tree, "issue", "fields", "updated"))
    version = updated.isoformat() if updated else ""
    return noticed(kind, issue_id, next(filter(None, marks), None), version, _opened_as(tree, updated))


def _issue_of_comment(address: object) -> str:
    found = _COMMENT_ADDRESS.fullmatch(address) if isinstance(address, str) else None
    return found[1] if found else ""


def _moment(told: object) -> datetime | None:
    """A time in UTC: in ISO form, the last change is what `Tracker.read` shows as the issue's version."""
    try:
        moment = datetime.fromisoformat(told) if isinstance(told, str) else None
        return moment.astimezone(UTC) if moment and moment.tzinfo else None
    except (ValueError, OverflowError):
        return None


def _opened_as(tree: object, updated: datetime | None) -> str:
    """The issue's key where it is still as it was opened (see TicketChange)."""
    created = _moment(strict_json.at(tree, "issue", "fields", "created"))
    category = strict_json.at(tree, "issue", "fields", "status", "statusCategory", "key")
    if not (is_as_opened(created, updated) and isinstance(category, str) and category not in {"", "done"}):
        return ""
    return ISSUE_KEY.of(strict_json.at(tree, "issue", "key"))


JIRA = Sender("jira", "x-hub-signature", SignatureFormat.PREFIXED, _read_event)
"""Cloud and Data Center, for a webhook that has a secret."""
