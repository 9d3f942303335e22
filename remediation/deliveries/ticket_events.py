"""What a verified delivery of a tracker says: which ticket has changed; and what the readers of trackers share. Pure.

Nothing else is read: no summary, description or comment. What the ticket is like now is read back from the tracker.
"""

import re
from dataclasses import dataclass
from enum import StrEnum

from remediation import strict_json
from remediation.domain.cases.records import ref_of_mark
from remediation.domain.errors import Unreadable
from remediation.domain.tickets import TicketChange


class TicketEventKind(StrEnum):
    """What happened to a ticket."""

    CREATED = "ticket.created"
    CHANGED = "ticket.changed"
    COMMENTED = "ticket.commented"
    DELETED = "ticket.deleted"


@dataclass(frozen=True, slots=True)
class TicketNoticed:
    """A ticket has changed: its case must be looked at.

    The version of the change is empty where the delivery does not have it, and for a deletion.
    """

    kind: TicketEventKind
    change: TicketChange


NUMBER = re.compile(r"[0-9]{1,18}")
"""A whole number, as ids and counts are."""


def noticed(
    kind: TicketEventKind, ticket_id: str, mark: str | None, version: str, opened_as: str = ""
) -> TicketNoticed:
    """The event of this ticket, without a version where it was deleted."""
    if kind is TicketEventKind.DELETED:
        return TicketNoticed(kind, TicketChange(ticket_id, mark))
    return TicketNoticed(kind, TicketChange(ticket_id, mark, version, opened_as=opened_as))


def object_in(body: bytes) -> dict[str, object]:
    """The JSON object that a body is. Raises Unreadable."""
    tree = strict_json.parse(body)
    if not isinstance(tree, dict):
        raise Unreadable("the body is not a JSON object")
    return tree


def text_of(value: object, shape: re.Pattern[str]) -> str:
    """The value as text where it has this shape, also where it is a number; empty otherwise."""
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    return value if isinstance(value, str) and shape.fullmatch(value) else ""


def mark_in(value: object) -> str | None:
    """The value, if it is a correlation mark; None otherwise."""
    return value if isinstance(value, str) and ref_of_mark(value) else None
