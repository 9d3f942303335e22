"""Which pages of an incident feed are read next. Pure.

A feed has no list of changes: it shows the incidents of a window of days, page by page. A poll reads a short window
that overlaps the one before. A sweep reads the whole school year: an incident of any day may change at any time.
"""

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from remediation.domain.incidents import Kept

MOST_PAGES = 2_000
"""Pages after which a walk ends, whatever the feed states: two million incidents, more than a district has a year."""

MOST_ROUNDS = 3
"""How often a walk begins again because its list became shorter while it was read."""

_AHEAD = timedelta(days=1)
"""A window ends this long after today: the feed's today may be tomorrow's."""


class WalkKind(StrEnum):
    """Why a window is read: for recent news, or to see every incident of the school year once."""

    POLL = "poll"
    SWEEP = "sweep"


@dataclass(frozen=True, slots=True)
class SchoolYear:
    """When school years begin: month and day. February 29 begins on March 1 where the year has no such day."""

    month: int
    day: int

    def around(self, today: date) -> tuple[date, date]:
        """The first and the last day of the school year that `today` is in."""
        begins = self._begin(today.year)
        year = today.year if begins <= today else today.year - 1
        return self._begin(year), self._begin(year + 1) - timedelta(days=1)

    def _begin(self, year: int) -> date:
        try:
            return date(year, self.month, self.day)
        except ValueError:
            return date(year, 3, 1)


@dataclass(frozen=True, slots=True)
class FeedWalk:
    """One reading of a window, `since` to `until` (both included), as far as it has come.

    `page` is the next page to read, from 1 on. `pages` is how many the page before stated, 0 before the first one.
    `rounds` counts how often the walk began; `has_shrunk` says that the list became shorter since it last began, and
    `is_torn` that a page of it was taken in part.
    """

    kind: WalkKind
    since: date
    until: date
    page: int = 1
    pages: int = 0
    rounds: int = 1
    has_shrunk: bool = False
    is_torn: bool = False

    def after(self, pages: int, *, is_torn: bool = False) -> "FeedWalk | Ending":
        """What follows once the page was read and stated that there are so many pages; `is_torn`: read in part.

        A list that becomes shorter moves incidents from pages that are still to come to pages that were read. So it is
        read again from its beginning, a few times at most; a list that becomes longer shows some incidents twice.
        """
        has_shrunk, is_torn = self.has_shrunk or pages < self.pages, self.is_torn or is_torn
        if self.page < min(pages, MOST_PAGES):
            return replace(self, page=self.page + 1, pages=pages, has_shrunk=has_shrunk, is_torn=is_torn)
        if has_shrunk and self.rounds < MOST_ROUNDS:
            return replace(self, page=1, pages=0, rounds=self.rounds + 1, has_shrunk=False, is_torn=False)
        if is_torn:
            return Ending.TORN
        return Ending.MOVING if has_shrunk else Ending.CUT if pages > MOST_PAGES else Ending.WHOLE


class Ending(StrEnum):
    """How a walk ended. Only a whole one has surely shown every incident of its window."""

    WHOLE = "whole"
    MOVING = "moving"
    CUT = "cut"
    TORN = "torn"
    """A page never came whole: it was taken in part, so that the others were read."""


@dataclass(frozen=True, slots=True)
class Timetable:
    """When a feed is read, and how much of it. `sweep_at` is a time of the day in `zone`, the feed's own time zone."""

    zone: ZoneInfo
    year: SchoolYear
    every: timedelta
    overlap: timedelta
    sweep_at: time

    def due(self, now: datetime, polled_at: datetime | None, swept_at: datetime | None) -> FeedWalk | None:
        """The walk to begin at `now`, if any. A sweep comes first, and stands for a poll.

        `polled_at` is when the last walk of either kind began that came to its end, `swept_at` when the last sweep
        began; None for never. A moment after `now` counts as never: a clock was set back.
        """
        if swept_at is None or not self._latest_night(now.astimezone(self.zone)) <= swept_at <= now:
            return self.sweep(now)
        if polled_at is not None and timedelta() <= now - polled_at < self.every:
            return None
        return self.poll(now, polled_at)

    def sweep(self, now: datetime) -> FeedWalk:
        """The walk through the whole school year of `now`."""
        today = now.astimezone(self.zone).date()
        first, last = self.year.around(today)
        return FeedWalk(WalkKind.SWEEP, first, max(last, today + _AHEAD))

    def poll(self, now: datetime, polled_at: datetime | None) -> FeedWalk:
        """The walk through what is new at `now`, if `polled_at` is when the last one began."""
        here = now.astimezone(self.zone)
        since = min(here, polled_at.astimezone(self.zone)) if polled_at else here
        return FeedWalk(WalkKind.POLL, (since - self.overlap).date(), here.date() + _AHEAD)

    def ends(self, kept: Kept, retention: timedelta) -> datetime | None:
        """When what is kept of an incident is to be deleted; None where it is not known when the feed showed it.

        The retention is counted from when the incident left the school year or, if that was before, was deleted. What
        a walk may still show is kept in any case: the next walk would bring it back.
        """
        if kept.changed_at is None:
            return None
        shown = datetime.fromtimestamp(kept.changed_at, self.zone)
        day = shown.date() if kept.incident.day is None else min(kept.incident.day, shown.date())
        counts_from = self._year_after(day)
        if kept.deleted_at is not None:
            counts_from = min(counts_from, datetime.fromtimestamp(kept.deleted_at, self.zone))
        return max(counts_from + retention, self._year_after(shown.date()) + self.overlap + _AHEAD)

    def _year_after(self, day: date) -> datetime:
        """When the school year begins that follows the one of this day."""
        return datetime.combine(self.year.around(day)[1] + timedelta(days=1), time(), self.zone)

    def _latest_night(self, here: datetime) -> datetime:
        """The latest moment, not after `here`, at which it was time to sweep."""
        tonight = datetime.combine(here.date(), self.sweep_at, self.zone)
        # Compared in UTC: in one zone Python compares what clocks show, and a clock shows some times never, some twice.
        return tonight if tonight.astimezone(UTC) <= here.astimezone(UTC) else tonight - timedelta(days=1)
