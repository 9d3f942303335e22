"""The day that a date or a date and time names, in any usual form. Pure.

The vendor's page says `{datetime}` and shows no value. Where a form leaves open which number is the month, it is the
first: the vendor's customers are in the United States.
"""

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo

LONGEST_DATE = 64
"""Characters. The longest usual form, with the names of day, month and time zone written out, has fewer."""

_FIRST_YEAR, _LAST_YEAR = 1970, 2999
_CENTURY = 2000
_SHORT_YEAR_DIGITS = 2
_NOON = 12
_MILLISECONDS_DIGITS = 12

_TIME = r"""
  (?: (?:\s*T\s*|\s+|,\s*|\s+at\s+)
    (?P<hour>[01]?\d|2[0-3]) (?: :?(?P<minute>[0-5]\d) (?: :?(?:[0-5]\d|60) (?:[.,]\d{1,9})? )? )?
    (?:\s*(?P<half>[ap])\.?m\.?)?
    (?:\s*(?:(?P<utc>Z|UTC|GMT)|(?:UTC|GMT)?(?P<sign>[+-])(?P<ahead>\d{1,2})(?::?(?P<minutes_ahead>[0-5]\d))?|[A-Z]{3,5}
       |[A-Z][a-z]+(?:/[A-Z][a-z]+(?:_[A-Z][a-z]+)*)+))?
    (?:\s*[(\[][\w/ ]{1,40}[)\]])?
  )?
"""
_WEEKDAY = r"(?:[a-z]{3,9}\.?,?\s+)?"
_FORMS = tuple(
    re.compile(day + end, re.VERBOSE | re.IGNORECASE | re.ASCII)
    for day, end in (
        (r"(?P<year>\d{4})(?P<mark>[-/.]?)(?P<month>\d{2})(?P=mark)(?P<day>\d{2})", _TIME),
        (r"(?P<year>\d{4})(?P<mark>[-/.])(?P<month>\d{1,2})(?P=mark)(?P<day>\d{1,2})", _TIME),
        (r"(?P<month>\d{1,2})(?P<mark>[-/.])(?P<day>\d{1,2})(?P=mark)(?P<year>\d{4}|\d{2})", _TIME),
        (_WEEKDAY + r"(?P<day>\d{1,2})[\s-](?P<name>[a-z]{3,9})\.?,?[\s-](?P<year>\d{4})", _TIME),
        (_WEEKDAY + r"(?P<name>[a-z]{3,9})\.?\s+(?P<day>\d{1,2})(?:st|nd|rd|th)?,?\s+(?P<year>\d{4})", _TIME),
        (
            _WEEKDAY + r"(?P<name>[a-z]{3})\s+(?P<day>\d{1,2})\s+\d{2}:\d{2}:\d{2}\s+(?:[A-Z]{3,5}\s+)?(?P<year>\d{4})",
            "",
        ),
    )
)
"""ISO 8601 with and without its marks; the same with slashes; as in the United States; RFC 2822; in words; asctime."""
_UNIX = re.compile(r"\d{9,10}|\d{12,13}", re.ASCII)
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MONTH_NAMES = (
    "january february march april may june july august september october november december".split()  # noqa: SIM905
)


def day_of(text: str, zone: tzinfo) -> date | None:
    """The day that a text names; None where it names none.

    A time with an offset from UTC is one moment: its day is that of `zone`. Any other time is taken as local, as if
    it had none.
    """
    text = text.strip()
    if not text.isascii() or len(text) > LONGEST_DATE:
        return None
    if _UNIX.fullmatch(text):
        seconds = int(text) / 1000 if len(text) >= _MILLISECONDS_DIGITS else int(text)
        return _plausible(datetime.fromtimestamp(seconds, UTC).astimezone(zone).date())
    return next(_days_of(text, zone), None)


def _days_of(text: str, zone: tzinfo) -> Iterator[date]:
    for form in _FORMS:
        if (found := form.fullmatch(text)) and (day := _day(found.groupdict(), zone)):
            yield day


def _day(parts: dict[str, str | None], zone: tzinfo) -> date | None:
    try:
        day = date(_year(parts["year"] or ""), _month(parts), int(parts["day"] or ""))
        return _plausible(_in_zone(day, parts, zone))
    except (ValueError, OverflowError):
        return None


def _year(digits: str) -> int:
    return int(digits) + (_CENTURY if len(digits) == _SHORT_YEAR_DIGITS else 0)


def _month(parts: dict[str, str | None]) -> int:
    """Raises ValueError for a name that no month has."""
    name = (parts.get("name") or "").lower()
    if not name:
        return int(parts["month"] or "")
    if name == "sept":
        return 9
    return 1 + (_MONTHS.index(name) if name in _MONTHS else _MONTH_NAMES.index(name))


def _in_zone(day: date, parts: dict[str, str | None], zone: tzinfo) -> date:
    """The day in the zone, where hour and offset are stated; the day itself otherwise."""
    hour, offset = parts.get("hour"), _offset(parts)
    if hour is None or offset is None:
        return day
    written = datetime(day.year, day.month, day.day, _hour(int(hour), parts.get("half")), tzinfo=offset)
    return (written + timedelta(minutes=int(parts.get("minute") or 0))).astimezone(zone).date()


def _hour(hour: int, half: str | None) -> int:
    """The hour of the day. Raises ValueError for one that a clock of twelve hours does not have."""
    if half is None:
        return hour
    if not 1 <= hour <= _NOON:
        raise ValueError("no such hour")
    return hour % _NOON + (_NOON if half.lower() == "p" else 0)


def _offset(parts: dict[str, str | None]) -> tzinfo | None:
    if parts.get("utc"):
        return UTC
    ahead = parts.get("ahead")
    if ahead is None:
        return None
    offset = timedelta(hours=int(ahead), minutes=int(parts.get("minutes_ahead") or 0))
    return timezone(-offset if parts["sign"] == "-" else offset)


def _plausible(day: date) -> date | None:
    return day if _FIRST_YEAR <= day.year <= _LAST_YEAR else None
