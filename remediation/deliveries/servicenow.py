"""Deliveries of ServiceNow: how they are signed, and which record they tell of. Pure.

The business rule of docs/webhooks.md makes them, so both are ours. What the record is like now is read back from there.
"""

import re

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

KEYS = (
    "event",
    "table",
    "sys_id",
    "correlation_id",
    "correlation_display",
    "sys_mod_count",
    "sys_updated_on",
)
"""All that the business rule sends, by ServiceNow's own names but for the first."""

DISPLAY = "remedy"
"""The `correlation_display` of records whose `correlation_id` is ours."""

_KINDS = {
    "insert": TicketEventKind.CREATED,
    "update": TicketEventKind.CHANGED,
    "delete": TicketEventKind.DELETED,
}
_TABLE = re.compile(r"[a-z][a-z0-9_]{0,79}")
_SYS_ID = re.compile(r"[0-9a-f]{32}")
_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}")


def _read_event(body: bytes) -> TicketNoticed | UnknownEvent:
    """The event in a delivery of ServiceNow, as our business rule words it (KEYS). Raises Unreadable."""
    tree = object_in(body)
    kind = kind_in(tree.get("event"), _KINDS)
    if isinstance(kind, UnknownEvent):
        return kind
    table, sys_id = text_of(tree.get("table"), _TABLE), text_of(tree.get("sys_id"), _SYS_ID)
    if not table or not sys_id:
        raise Unreadable("the body names no record")
    mark = mark_in(tree.get("correlation_id")) if tree.get("correlation_display") == DISPLAY else None
    at, count = text_of(tree.get("sys_updated_on"), _TIME), text_of(tree.get("sys_mod_count"), NUMBER)
    return noticed(kind, f"{table}/{sys_id}", mark, f"{at}/{count}" if at and count else "")


SERVICENOW = Sender("servicenow", "x-remedy-signature", SignatureFormat.BASE64, _read_event)
"""The header is ours: the business rule sets it."""
