"""A district's school year: where it begins, its terms, and the days on which something can happen in a school."""

from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache

_DAY = timedelta(days=1)
_WEEKEND = 5
_MONTHS = 12


@dataclass(frozen=True, slots=True)
class Window:
    """From one day to another, both of them included."""

    first: date
    last: date

    def __contains__(self, day: date) -> bool:
        return self.first <= day <= self.last


@dataclass(frozen=True, slots=True)
class Calendar:
    """The day (1 to 28) on which each school year begins. Its second term begins half a year later."""

    month: int = 8
    day: int = 1

    def year_of(self, day: date) -> Window:
        """The school year that a day belongs to."""
        begun = day.replace(month=self.month, day=self.day)
        first = begun if begun <= day else begun.replace(year=begun.year - 1)
        return Window(first, first.replace(year=first.year + 1) - _DAY)

    def term_of(self, day: date) -> Window:
        """The half of a school year that a day belongs to."""
        year = self.year_of(day)
        later, month = divmod(self.month - 1 + _MONTHS // 2, _MONTHS)
        second = date(year.first.year + later, month + 1, self.day)
        return Window(year.first, second - _DAY) if day < second else Window(second, year.last)


@cache
def school_days(window: Window) -> tuple[date, ...]:
    """The days of a window from Monday to Friday, in order; all its days where there is none of these.

    Raises ValueError for a window that ends before it begins.
    """
    days = tuple(window.first + _DAY * number for number in range((window.last - window.first).days + 1))
    if not days:
        raise ValueError("the last day comes before the first")
    return tuple(day for day in days if day.weekday() < _WEEKEND) or days
