"""What the timeline of a case says of its course: when it began, had its first ticket, and was solved. Pure."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from remediation.domain.actions import ActionName, Verb
from remediation.domain.cases.records import CaseRecord
from remediation.domain.status import Status
from remediation.store.cases.entries import Acted, Entry, Seen, Triggered
from remediation.store.cases.timeline import MOST_ENTRIES

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
"""How the value of a due date begins, whatever its tracker calls the field (see Memory.wrote)."""

_SOLVED = frozenset({Status.RESOLVED, Status.ACCEPTED_RISK})


@dataclass(frozen=True, slots=True)
class Milestones:
    """Moments of a case, in Unix seconds; None for what has not happened, as far as the timeline tells.

    `began` is None where the timeline does not have the beginning (any more), and where the finding was solved before
    it was seen: the others may be later than the first time then. `solved` is the first time that it was resolved or
    accepted, `resolved` that it was resolved. `due` is the end of the earliest due date that we wrote into a ticket.
    """

    began: float | None
    ticketed: float | None
    solved: float | None
    resolved: float | None
    due: float | None


def milestones_of(record: CaseRecord, entries: Sequence[Entry]) -> Milestones:
    """The milestones of a case with this timeline, oldest entry first."""
    return Milestones(
        _beginning(entries),
        _first(entry.at for entry in entries if _has_ticket(entry)),
        _first(entry.at for entry in entries if status_shown(entry) in _SOLVED),
        _first(entry.at for entry in entries if status_shown(entry) == Status.RESOLVED),
        due_of(record),
    )


def _status_set(entry: Acted) -> str:
    """The status that an action has set; empty for any other action."""
    name = ActionName.parse(entry.action)
    return name.detail if name.verb == Verb.PATCH else ""


def due_of(record: CaseRecord) -> float | None:
    """The end (Unix seconds) of the earliest due date that we wrote into a ticket; a day ends at 24:00 UTC."""
    written = (value for fields in record.memory.wrote.values() for value in fields.values() if _DAY.match(value))
    return min((each for each in map(_end_of, written) if each is not None), default=None)


def _beginning(entries: Sequence[Entry]) -> float | None:
    """When the case was marked for its first look.

    None where there was something before it: a timeline that begins with tickets goes on about an older case, and what
    was solved at first sight was not solved by way of this case.
    """
    if not entries or len(entries) >= MOST_ENTRIES:
        return None
    first, seen = entries[0], next((entry for entry in entries if isinstance(entry, Seen)), None)
    is_older = seen is not None and (bool(seen.tickets) or seen.status in _SOLVED)
    return first.marked_at if isinstance(first, Triggered) and not is_older else None


def _has_ticket(entry: Entry) -> bool:
    """Whether the case has a ticket then. One whose opening was not answered is found by the next look."""
    match entry:
        case Seen():
            return bool(entry.tickets)
        case Acted(outcome="done"):
            return ActionName.parse(entry.action).verb == Verb.OPEN
        case _:
            return False


def status_shown(entry: Entry) -> str:
    """The status of the finding by this entry, which saw it or has set it; empty for any other entry."""
    match entry:
        case Seen():
            return entry.status
        case Acted(outcome="done"):
            return _status_set(entry)
        case _:
            return ""


def _first(moments: Iterable[float]) -> float | None:
    return next(iter(moments), None)


def _end_of(written: str) -> float | None:
    try:
        moment = datetime.fromisoformat(written)
    except ValueError:
        return None
    whole_day = _DAY.fullmatch(written) is not None
    at = (moment + timedelta(days=1) if whole_day else moment).replace(tzinfo=moment.tzinfo or UTC)
    return at.timestamp()
