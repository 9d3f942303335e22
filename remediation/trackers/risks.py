"""What a ticket says about a risk that it accepts, read from any kind of field in which a tracker keeps it. Pure."""

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, time

from remediation.domain.tickets import Risk
from remediation.redaction import plain

_LONGEST_REASON = 4_000
_END_OF_DAY = time(23, 59, 59, tzinfo=UTC)
_TEXTS = ("value", "name")
"""Where an option of a list of choices has the text that people see."""

_EMPTY: tuple[object, ...] = ("", None, [], {})
_DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_MOMENT = re.compile(rf"{_DAY.pattern}[T ]\d\d:\d\d(?::\d\d(?:\.\d{{1,6}})?)?(?:Z|[+-]\d\d:?\d\d)?", re.ASCII)
"""The forms that docs/sync.md lists: those in which Jira and ServiceNow themselves write days and moments. No other is
guessed: 03/04/2027 is a day in March or in April.
"""

NOT_SHOWN = object()
"""Stands for the value of a field that an answer does not have, or that is not configured."""


def risk_of(reason: object, expiry: object) -> Risk:
    """The risk in two fields. A reason that is empty or no text is None; for the end see `Risk`."""
    text = plain(_text_of(reason), _LONGEST_REASON, lines=True).strip()
    until = until_of(expiry)
    is_untold = expiry is NOT_SHOWN
    return Risk(text or None, until, until is None and not is_untold and _is_written(expiry), is_untold)


def until_of(value: object) -> datetime | None:
    """The time that a field states, in UTC: a day lasts until its end, a time without a zone is UTC's."""
    text = _text_of(value).strip()
    try:
        if _DAY.fullmatch(text):
            return datetime.combine(date.fromisoformat(text), _END_OF_DAY)
        if _MOMENT.fullmatch(text):
            moment = datetime.fromisoformat(text)
            return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError):  # no such day, or a time of the year 10000 in UTC
        return None
    return None


def _is_written(value: object) -> bool:
    return bool(value.strip()) if isinstance(value, str) else value not in _EMPTY


def _text_of(value: object) -> str:
    """A field's text: its own, its option's, or those of its options between commas."""
    match value:
        case str():
            return value
        case Mapping():
            return next((text for name in _TEXTS if isinstance(text := value.get(name), str) and text), "")
        case list():
            return ", ".join(filter(None, map(_text_of, value)))
        case _:
            return ""
