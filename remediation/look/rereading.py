"""Whether an action was refused because its object has changed since the observation."""

from collections.abc import Mapping
from dataclasses import replace
from typing import assert_never

from remediation.domain.actions import (
    Action,
    AttachReport,
    CloseDuplicate,
    CommentOnTicket,
    KeepList,
    OpenTicket,
    RaiseTicket,
    RelateTicket,
    ReopenTicket,
    ResolveTicket,
    SetStatus,
)
from remediation.domain.errors import BudgetSpent, NotFound, OutsideError
from remediation.domain.subjects import Subject
from remediation.domain.tickets import Ticket
from remediation.planning import Observation
from remediation.ports import Source, Tracker


async def has_changed(
    action: Action,
    seen: Observation,
    tickets: Mapping[str, Ticket],
    trackers: Mapping[str, Tracker],
    source: Source,
) -> bool:
    """Whether the action's object has changed since it was `seen`, or since our own last write to it (`tickets`).

    Reads the ticket or the subject once more. An object that cannot be read counts as unchanged, unless a rate limit
    leaves no room for the question: then the next look asks.
    """
    try:
        match action:
            case OpenTicket():
                return False
            case SetStatus():
                return await _subject_differs(seen.subject, source)
            case CloseDuplicate(ticket_id=ticket_id):
                before = next(ticket for ticket in seen.duplicates if ticket.id == ticket_id)
            case ResolveTicket() | ReopenTicket():
                before = tickets[action.tracker]
            case (
                RaiseTicket() | CommentOnTicket() | RelateTicket() | KeepList() | AttachReport()
            ):  # several of these run at the same time, and each makes a new version
                before = replace(tickets[action.tracker], version="")
            case _:
                assert_never(action)
        return _differs(before, await trackers[before.tracker].read(before.id))
    except BudgetSpent:
        return True
    except OutsideError:
        return False


async def _subject_differs(before: Subject, source: Source) -> bool:
    try:
        after = await source.subject(before.key)
    except NotFound:
        return True
    return (before.status, before.changed_at) != (after.status, after.changed_at)


def _differs(before: Ticket, after: Ticket) -> bool:
    """Whether two readings of a ticket differ.

    A ticket that we have just written to has no known version: then only its state is compared.
    """
    return before.state is not after.state or (bool(before.version) and before.version != after.version)
