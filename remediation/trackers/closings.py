"""How a ticket was closed: by whom, for which reason, and with which risk accepted. Pure."""

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, time

from remediation.domain.tickets import Reason, Risk
from remediation.mapping.explain.inspections import Inspection, named_of, right, untold
from remediation.mapping.reading.positions import Steps
from remediation.redaction import plain, scrubbed

_LONGEST_ACCOUNT = 128
_LONGEST_WORD = 60
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


def named(account: str, *, login: str = "", is_assignee: bool = False, is_app: bool = False) -> str:
    """The login where the tracker's users know it; otherwise the account's role for the ticket, and its id.

    An id alone tells an auditor nothing; with it, the tracker's administrators can say who it was.
    """
    if login:
        return plain(login, _LONGEST_ACCOUNT)
    role = "an app" if is_app else "the assignee" if is_assignee else "somebody else than the assignee"
    return f"{role} (account {plain(account, _LONGEST_ACCOUNT)})"


def reason_of(raw: str, meanings: Mapping[str, Reason]) -> Reason:
    """The meaning of a word (a resolution's name, a close code), in any case of letters; an empty word is no reason."""
    said = raw.strip().lower()
    return meanings.get(said, Reason.UNKNOWN) if said else Reason.NONE


def word_of(raw: str) -> str:
    """The word as it may be stored and shown: one line, at most 60 characters.

    Administrators write such words, not the people who close tickets; what looks like personal data is removed all the
    same.
    """
    return scrubbed(raw, _LONGEST_WORD).strip()


def mapped_verdict(where: Steps, kind: str, words: Iterable[str], meanings: Mapping[str, Reason]) -> Inspection:
    """Whether the meaning of each word that people can choose is in the file or the built-in list."""
    unmapped = [word for word in words if word.strip().lower() not in meanings]
    if not unmapped:
        return right(where, f"each {kind} that people can choose has a meaning")
    message = f"nothing says what it means to close a ticket as {named_of(unmapped)}"
    advice = f"write the whole list under {where[-1]}; until then, a comment on such a ticket asks what was meant"
    return untold(where, message, advice)


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
