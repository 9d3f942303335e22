"""Spans of time as people write them: `90s`, `15m`, `2h`, `14d`."""

import re
from datetime import timedelta

_WRITTEN = re.compile(r"([0-9]{1,6})([smhd])")
_UNITS = {
    "d": timedelta(days=1),
    "h": timedelta(hours=1),
    "m": timedelta(minutes=1),
    "s": timedelta(seconds=1),
}


def duration_of(value: object) -> timedelta:
    """The span that a whole number and one unit say; a timedelta is given back. ValueError says what is allowed."""
    if isinstance(value, timedelta):
        return value
    written = _WRITTEN.fullmatch(value) if isinstance(value, str) else None
    if written is None:
        raise ValueError("must be a whole number and a unit: 90s, 15m, 2h or 14d")
    return int(written[1]) * _UNITS[written[2]]


def duration_text(span: timedelta) -> str:
    """The span as it would be written, in the largest unit that holds it whole; fractions of a second are dropped."""
    for letter, unit in _UNITS.items():
        if span >= unit and not span % unit:
            return f"{span // unit}{letter}"
    return f"{span // _UNITS['s']}s"
