"""Counts, days and spans of time in words. Pure."""

from datetime import UTC, datetime

_MINUTE = 60
_HOURS_OF_A_DAY = 24


def count_words(count: int, noun: str, plural: str = "") -> str:
    """How many: `1 case`, `1,200 cases`. `plural` where it is not the noun with an s."""
    return f"{count:,} {noun if count == 1 else plural or f'{noun}s'}"


def by_count(count: int, one: str, many: str) -> str:
    """The form of a word that goes with a count: `has` for 1, `have` for all others."""
    return one if count == 1 else many


def span_words(seconds: float) -> str:
    """A span of time: 12 min, 3 h 5 min."""
    hours, minutes = divmod(int(seconds) // _MINUTE, 60)
    return f"{hours:,} h {minutes} min" if hours else f"{minutes} min"


def age_words(seconds: float) -> str:
    """An age to the second where it is less than two minutes, otherwise a span: 8 s, 12 min, 3 h 5 min."""
    return f"{max(0, int(seconds))} s" if seconds < 2 * _MINUTE else span_words(seconds)


def long_span_words(seconds: float) -> str:
    """A span of time in its two largest units: 40 s, 12 min, 3 h 5 min, 2 d 4 h."""
    minutes, rest = divmod(round(seconds), _MINUTE)
    if minutes < 2:  # noqa: PLR2004 - up to two minutes, seconds tell more
        return f"{_MINUTE * minutes + rest} s"
    hours, minutes = divmod(minutes, 60)
    if hours < _HOURS_OF_A_DAY:
        return f"{hours} h {minutes} min" if hours else f"{minutes} min"
    days, hours = divmod(hours, _HOURS_OF_A_DAY)
    return f"{days:,} d {hours} h"


def day_words(at: float) -> str:
    """The day of a moment (Unix seconds) in UTC: 2026-12-31."""
    return datetime.fromtimestamp(at, UTC).date().isoformat()
