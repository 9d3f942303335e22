"""What a ticket says of a risk that it accepts, read from whatever kind of field a tracker keeps it in. Pure."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, time

from remediation.redaction import plain
from remediation.tickets import Risk

_LONGEST_REASON = 4_000
_END_OF_DAY = time(23, 59, 59, tzinfo=UTC)
_TEXTS = ("value", "name")
"""Where an option of a list of choices has what people see of it."""


def risk_of(reason: object, expiry: object) -> Risk:
    """The risk that two fields speak of; what is empty or cannot be read is None."""
    text = plain(_text_of(reason), _LONGEST_REASON, lines=True).strip()
    return Risk(text or None, until_of(expiry))


def until_of(value: object) -> datetime | None:
    """The moment that a field says, in UTC: a day lasts until its end, a time without a zone is UTC's."""
    text = _text_of(value).strip()
    try:
        return datetime.combine(date.fromisoformat(text), _END_OF_DAY)
    except ValueError:
        pass
    try:
        moment = datetime.fromisoformat(text)
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None


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
