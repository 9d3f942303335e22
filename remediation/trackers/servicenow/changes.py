"""How far the list of changed records has been read: an opaque cursor and the query that goes on from it. Pure.

The list is walked by (sys_updated_on, sys_id), so that writes during the walk shift nothing. A finished walk begins
again a little before the time it was begun at: a record may be committed later than its own time says.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta

from remediation.domain.outside_words import RECORD_ID
from remediation.domain.tickets import TicketChange
from remediation.trackers.servicenow.records import OURS, Record, moment_of, text_of, time_of, version_of

PAGE_SIZE = 100
_FIRST_LOOK = timedelta(minutes=5)
_OVERLAP = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Position:
    """Where to read on: after the record `after` of the second `since`, or from that second on where `after` is empty.

    `offset` leads past pages on which access rules hide every record. `floor` is where the next walk begins.
    """

    since: str
    after: str = ""
    offset: int = 0
    floor: str = ""

    @property
    def query(self) -> str:
        """The encoded query; `^OR` binds to the condition before it."""
        beyond = f"^sys_updated_on>{self.since}^ORsys_id>{self.after}" if self.after else ""
        return f"correlation_display={OURS}^sys_updated_on>={self.since}{beyond}^ORDERBYsys_updated_on^ORDERBYsys_id"

    @property
    def cursor(self) -> str:
        """The position as text."""
        return json.dumps(asdict(self), separators=(",", ":"))


def position_of(cursor: str | None, now: datetime) -> Position:
    """The position in a cursor; without one, or with one that is none of ours, a few minutes before `now`."""
    start = Position(time_of(now - _FIRST_LOOK))
    try:
        read = Position(**json.loads(cursor or "{}"))
    except (ValueError, TypeError):
        return start
    return read if _is_sound(read) else start


def cursor_at(moment: datetime) -> str:
    """The cursor of a walk over all that changed since `moment`."""
    return Position(time_of(moment - _OVERLAP)).cursor


def _is_sound(position: Position) -> bool:
    """Whether nothing in it could be anything but what we wrote: it goes into a query."""
    texts = (position.since, position.after, position.floor)
    if not all(isinstance(text, str) for text in texts) or type(position.offset) is not int:
        return False
    times = [position.since, *filter(None, [position.floor])]
    after_is_id = not position.after or RECORD_ID.fits(position.after)
    return bool(after_is_id) and position.offset >= 0 and all(_is_time(text) for text in times)


def _is_time(text: str) -> bool:
    moment = moment_of(text)
    return moment is not None and time_of(moment) == text


def advanced(position: Position, rows: Sequence[Record], *, more: bool, served_at: datetime) -> Position:
    """Where to read on after a page. `served_at` is when the page was asked for.

    A walk that showed nothing leaves the position where it is: a query rule may have hidden everything from us without
    a word, and to ask again for nothing from the same second on costs no more.
    """
    if not more and not rows and not position.floor:
        return position
    floor = position.floor or time_of(served_at - _OVERLAP)
    if not more:
        return Position(floor)
    last = rows[-1] if rows else {}
    keyset = Position(text_of(last, "sys_updated_on"), text_of(last, "sys_id"), 0, floor)
    if keyset.after and _is_sound(keyset):
        return keyset
    return replace(position, offset=position.offset + PAGE_SIZE, floor=floor)


def changes_of(table: str, rows: Sequence[Record]) -> tuple[TicketChange, ...]:
    """The changes on a page. A table without our column ignores the condition on it: such rows are none of ours."""
    return tuple(
        TicketChange(f"{table}/{text_of(row, 'sys_id')}", text_of(row, "correlation_id") or None, version_of(row))
        for row in rows
        if text_of(row, "correlation_display") == OURS and RECORD_ID.fits(text_of(row, "sys_id"))
    )
