"""What people on the case's tickets ought to hear: it is worse than it was, an expert looked at it, it is gone."""

import re
from collections.abc import Iterable, Iterator, Mapping

from remediation.domain.actions import CommentOnTicket, RaiseTicket, Why
from remediation.domain.status import Status
from remediation.planning.situation import Situation

_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}\b")
"""How the value of a field begins by which a ticket is due, whatever its tracker calls the field (Ticket.urgency)."""


def is_news(case: Situation) -> bool:
    """Whether there is anything to tell at all: mostly there is not."""
    subject = case.seen.subject
    return subject.review is not None or subject.status is Status.GONE or _is_worse(case)


def news(case: Situation, trackers: Iterable[str]) -> Iterator[RaiseTicket | CommentOnTicket]:
    """What to tell on the tickets in these trackers, told already or not, and how urgent to make them."""
    subject, is_worse = case.seen.subject, _is_worse(case)
    for tracker in trackers:
        if is_worse and tracker in case.memory.tickets:
            yield CommentOnTicket(tracker, Why.SEVERITY_RAISED, subject.severity)
            yield from raised(case, tracker)
        if subject.review is not None:
            yield CommentOnTicket(tracker, Why.EXPERT_REVIEWED, subject.review)
        if subject.status is Status.GONE:
            yield CommentOnTicket(tracker, Why.FINDING_GONE)


def raised(case: Situation, tracker: str) -> Iterator[RaiseTicket]:
    """Making the ticket there as urgent as its finding is; nothing where no field is to be written."""
    if fields := _fields_of_ours(case, tracker):
        yield RaiseTicket(tracker, case.seen.subject.severity, fields)


def _is_worse(case: Situation) -> bool:
    known = case.memory.severity
    return known is not None and case.seen.subject.severity.is_worse_than(known)


def _fields_of_ours(case: Situation, tracker: str) -> tuple[tuple[str, str], ...]:
    """The fields to write: those that still hold what we wrote, and a due date only where it comes earlier."""
    ticket, wrote = case.seen.tickets.get(tracker), case.memory.wrote.get(tracker, {})
    if ticket is None:
        return ()
    now = ticket.urgency
    return tuple(
        (name, value)
        for name, value in case.seen.urgency.get(tracker, {}).items()
        if name in wrote and now.get(name) == wrote[name] and _is_more_urgent(name, value, now)
    )


def _is_more_urgent(name: str, value: str, now: Mapping[str, str]) -> bool:
    return value < now[name] if _DAY.match(value) else value != now[name]
