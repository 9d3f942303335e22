"""Lists of changed issues: the JQL, and the position in the list. Pure.

JQL compares dates to the minute and in the account's own time zone, so only relative dates are used, rounded up.
Results come newest first: an issue that changes meanwhile moves to pages that were already read, where the next list
finds it; nothing moves over a page's edge unseen. Only deletion pulls others forward, and pages that are found by
counting overlap for that.

Relative dates count from the moment of asking, so a list that takes long must look back further with every page, or the
oldest changes leave it unread. Where pages are counted, each asks for so much more. A token allows no other query:
there the list begins again, looking back further than it needs to at first.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from math import ceil

from pydantic import AwareDatetime, Field, ValidationError

from remediation.domain.tickets import TicketChange
from remediation.trackers.jira.answers import Found, SearchPage, Sent, Token
from remediation.trackers.jira.issues import OUR_LABEL, mark_of, meant_for, opened_as, version_of

PAGE_SIZE = 100
PAGE_OVERLAP = 5
_FIRST_LIST = timedelta(minutes=5)
_ROUNDING = timedelta(minutes=1)
_LEAST_SPARE = timedelta(minutes=10)
"""The least extra time that is granted to a list that begins again, so that it ends before it must begin once more."""

_CLOCK_SET_BACK = timedelta(days=1)
"""How far back a list looks where the time of the last one is in the future, because the clock was set back."""

_LONGEST_LIST = timedelta(days=3650)
"""Longer than the age of any ticket of ours, for reconciling, which asks for everything."""


def quoted(text: str) -> str:
    """The text as a JQL string."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def jql_for_mark(mark: str) -> str:
    """Every issue with this label, oldest first."""
    return f"labels = {quoted(mark)} ORDER BY created ASC, key ASC"


class Cursor(Sent):
    """Where a list stands. Every change up to `since` has been listed; the list under way began at `started`.

    `minutes` is how far back it looks: fixed where there is a token, because that is good only for the same query.
    """

    since: AwareDatetime
    started: AwareDatetime | None = None
    minutes: int = Field(default=0, ge=0)
    token: Token | None = Field(default=None, repr=False)
    start: int = Field(default=0, ge=0)


def cursor_from(text: str | None, now: datetime) -> Cursor:
    """The cursor in the text; a few minutes before `now` where there is no text, or where it is no cursor of ours."""
    try:
        return Cursor.model_validate_json(text or "")
    except ValidationError:
        return Cursor(since=now - _FIRST_LIST)


def cursor_at(moment: datetime) -> str:
    """The cursor of a list of all that changed since `moment`."""
    return Cursor(since=moment).model_dump_json(exclude_defaults=True)


@dataclass(frozen=True, slots=True)
class ChangesRequest:
    """One page to ask for. `overlap` covers the lag of the tracker's search."""

    cursor: Cursor
    started: datetime
    minutes: int

    @property
    def jql(self) -> str:
        """The query, the same for all pages that tokens lead to."""
        return f'labels = {quoted(OUR_LABEL)} AND updated >= "-{self.minutes}m" ORDER BY updated DESC, key DESC'

    def following(self, page: SearchPage) -> tuple[str, bool]:
        """The cursor after this page, and whether pages remain.

        A list that showed nothing leaves the cursor where it is: Jira hides issues that we may not browse without a
        word, and to look further back for nothing costs no more.
        """
        if page.next_token or page.following:
            more = Cursor(
                since=self.cursor.since,
                started=self.started,
                minutes=self.minutes,
                token=page.next_token,
                start=max((page.following or 0) - PAGE_OVERLAP, page.start + 1) if page.following else 0,
            )
            return more.model_dump_json(exclude_defaults=True), True
        if not page.issues and not self.cursor.started:
            return cursor_at(self.cursor.since), False
        return Cursor(since=self.started).model_dump_json(exclude_defaults=True), False


def listing(cursor: Cursor, now: datetime, overlap: timedelta) -> ChangesRequest:
    """The page that comes next: of the list under way, or the first of a new one."""
    needed = _minutes_back(cursor.since, now, overlap)
    if not cursor.started:
        return ChangesRequest(cursor, now.astimezone(UTC), needed)
    if cursor.start:
        return ChangesRequest(cursor, cursor.started, needed)
    if cursor.token and cursor.minutes >= needed:
        return ChangesRequest(cursor, cursor.started, cursor.minutes)
    return ChangesRequest(restarted(cursor), now.astimezone(UTC), needed + _spare(now - cursor.started))


def restarted(cursor: Cursor) -> Cursor:
    """The same list from its first page: Jira forgets a token after a while."""
    return Cursor(since=cursor.since, started=cursor.started)


def _minutes_back(since: datetime, now: datetime, overlap: timedelta) -> int:
    """How many minutes a query that is sent now must look back."""
    age = now - since if now >= since else _CLOCK_SET_BACK
    return ceil((min(age, _LONGEST_LIST) + overlap + _ROUNDING) / _ROUNDING)


def _spare(took: timedelta) -> int:
    """How many minutes more, for a list that took so long in vain.

    Each time it may take twice as long, so that it ends, however long it is.
    """
    return ceil(max(2 * took, _LEAST_SPARE) / _ROUNDING)


def changes_in(found: Iterable[Found]) -> tuple[TicketChange, ...]:
    """Which tickets changed."""
    return tuple(
        TicketChange(issue.id, mark_of(issue), version_of(issue), meant_for(issue), opened_as(issue)) for issue in found
    )
