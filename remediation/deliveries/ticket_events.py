"""What a verified delivery of a tracker says: which ticket is not as it was. Pure.

Nothing else is read: no summary, description or comment. What the ticket is like now is read back from the tracker.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from remediation import strict_json
from remediation.deliveries.event_types import UnknownEvent, kind_in
from remediation.domain.cases import ref_of_mark
from remediation.domain.errors import Unreadable
from remediation.domain.tickets import TicketChange

SERVICENOW_KEYS = (
    "event",
    "table",
    "sys_id",
    "correlation_id",
    "correlation_display",
    "sys_mod_count",
    "sys_updated_on",
)
"""All that the business rule sends, by ServiceNow's own names but for the first."""

SERVICENOW_DISPLAY = "remedy"
"""The `correlation_display` of records whose `correlation_id` is ours."""


class TicketEventKind(StrEnum):
    """What happened to a ticket."""

    CREATED = "ticket.created"
    CHANGED = "ticket.changed"
    COMMENTED = "ticket.commented"
    DELETED = "ticket.deleted"


@dataclass(frozen=True, slots=True)
class TicketNoticed:
    """A ticket deserves a look, or rather its case.

    The change's version is empty where the delivery does not tell it, and for a deletion: what is no more has none.
    """

    kind: TicketEventKind
    change: TicketChange


_JIRA_KINDS = {
    "jira:issue_created": TicketEventKind.CREATED,
    "jira:issue_updated": TicketEventKind.CHANGED,
    "jira:issue_deleted": TicketEventKind.DELETED,
    "comment_created": TicketEventKind.COMMENTED,
    "comment_updated": TicketEventKind.COMMENTED,
    "comment_deleted": TicketEventKind.COMMENTED,
}
_SERVICENOW_KINDS = {
    "insert": TicketEventKind.CREATED,
    "update": TicketEventKind.CHANGED,
    "delete": TicketEventKind.DELETED,
}
_NUMBER = re.compile(r"[0-9]{1,18}")
_COMMENT_ADDRESS = re.compile(r"https?://[^\s?#]+/issue/([0-9]{1,18})/comment/[0-9]{1,18}")
_TABLE = re.compile(r"[a-z][a-z0-9_]{0,79}")
_SYS_ID = re.compile(r"[0-9a-f]{32}")
_SERVICENOW_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}")


def read_jira(body: bytes) -> TicketNoticed | UnknownEvent:
    """The event in a delivery of Jira: an issue's, or that of one of its comments. Raises Unreadable.

    The mark is found among the labels. Deliveries about comments have few of the issue's fields on Cloud (no mark, no
    version) and no issue at all on Data Center: there the comment's own address has its id.
    """
    tree = _object_in(body)
    kind = kind_in(tree.get("webhookEvent"), _JIRA_KINDS)
    if isinstance(kind, UnknownEvent):
        return kind
    issue_id = _text(strict_json.at(tree, "issue", "id"), _NUMBER)
    if kind is TicketEventKind.COMMENTED and "issue" not in tree:
        issue_id = _issue_of_comment(strict_json.at(tree, "comment", "self"))
    if not issue_id:
        raise Unreadable("the body names no issue")
    labels = strict_json.at(tree, "issue", "fields", "labels")
    marks = map(_mark, labels if isinstance(labels, list) else ())
    version = _jira_version(strict_json.at(tree, "issue", "fields", "updated"))
    return _noticed(kind, issue_id, next(filter(None, marks), None), version)


def read_servicenow(body: bytes) -> TicketNoticed | UnknownEvent:
    """The event in a delivery of ServiceNow, as our business rule words it (SERVICENOW_KEYS). Raises Unreadable."""
    tree = _object_in(body)
    kind = kind_in(tree.get("event"), _SERVICENOW_KINDS)
    if isinstance(kind, UnknownEvent):
        return kind
    table, sys_id = _text(tree.get("table"), _TABLE), _text(tree.get("sys_id"), _SYS_ID)
    if not table or not sys_id:
        raise Unreadable("the body names no record")
    mark = _mark(tree.get("correlation_id")) if tree.get("correlation_display") == SERVICENOW_DISPLAY else None
    at, count = _text(tree.get("sys_updated_on"), _SERVICENOW_TIME), _text(tree.get("sys_mod_count"), _NUMBER)
    return _noticed(kind, f"{table}/{sys_id}", mark, f"{at}/{count}" if at and count else "")


def _noticed(kind: TicketEventKind, ticket_id: str, mark: str | None, version: str) -> TicketNoticed:
    known = "" if kind is TicketEventKind.DELETED else version
    return TicketNoticed(kind, TicketChange(ticket_id, mark, known))


def _object_in(body: bytes) -> dict[str, object]:
    tree = strict_json.parse(body)
    if not isinstance(tree, dict):
        raise Unreadable("the body is not a JSON object")
    return tree


def _issue_of_comment(address: object) -> str:
    found = _COMMENT_ADDRESS.fullmatch(address) if isinstance(address, str) else None
    return found[1] if found else ""


def _text(value: object, shape: re.Pattern[str]) -> str:
    """The value as text where it has this shape, be it written as a number; empty otherwise."""
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    return value if isinstance(value, str) and shape.fullmatch(value) else ""


def _mark(value: object) -> str | None:
    return value if isinstance(value, str) and ref_of_mark(value) else None


def _jira_version(updated: object) -> str:
    """The time of the last change as the Jira adapter writes it: what `Tracker.read` shows as the issue's version."""
    try:
        moment = datetime.fromisoformat(updated) if isinstance(updated, str) else None
        return moment.astimezone(UTC).isoformat() if moment and moment.tzinfo else ""
    except (ValueError, OverflowError):
        return ""
