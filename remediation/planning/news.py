"""What people on the case's tickets ought to hear: it is worse than it was, an expert looked at it, it is gone."""

from collections.abc import Iterable, Iterator, Mapping

from remediation.actions import CommentOnTicket, RaiseTicket, Why
from remediation.cases import Memory
from remediation.findings import FindingStatus
from remediation.planning.observation import Observation

_DUE = frozenset({"duedate", "due_date"})
"""The names that trackers give to the day by which a ticket is due."""


def is_news(seen: Observation, memory: Memory) -> bool:
    """Whether there is anything to tell at all: mostly there is not."""
    finding = seen.finding
    return finding.review is not None or finding.status is FindingStatus.GONE or _is_worse(seen, memory)


def news(seen: Observation, memory: Memory, trackers: Iterable[str]) -> Iterator[RaiseTicket | CommentOnTicket]:
    """What to tell on the tickets in these trackers, told already or not."""
    finding, is_worse = seen.finding, _is_worse(seen, memory)
    for tracker in trackers:
        if is_worse and tracker in memory.tickets:
            yield RaiseTicket(tracker, finding.severity, _fields_of_ours(tracker, seen, memory))
        if finding.review is not None:
            yield CommentOnTicket(tracker, Why.EXPERT_REVIEWED, finding.review)
        if finding.status is FindingStatus.GONE:
            yield CommentOnTicket(tracker, Why.FINDING_GONE)


def _is_worse(seen: Observation, memory: Memory) -> bool:
    return memory.severity is not None and seen.finding.severity.is_worse_than(memory.severity)


def _fields_of_ours(tracker: str, seen: Observation, memory: Memory) -> tuple[tuple[str, str], ...]:
    """The fields to write: those that still hold what we wrote, and a due date only where it comes earlier."""
    ticket, wrote = seen.tickets.get(tracker), memory.wrote.get(tracker, {})
    if ticket is None:
        return ()
    now = ticket.urgency
    return tuple(
        (name, value)
        for name, value in seen.urgency.get(tracker, {}).items()
        if name in wrote and now.get(name) == wrote[name] and _is_more_urgent(name, value, now)
    )


def _is_more_urgent(name: str, value: str, now: Mapping[str, str]) -> bool:
    return value < now[name] if name in _DUE else value != now[name]
