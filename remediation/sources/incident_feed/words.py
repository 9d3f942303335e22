"""The feed's texts → our values. Pure, and as tolerant as can be. What cannot be read is None, and is never quoted."""

import re
from datetime import UTC

from remediation.domain.incidents import IncidentType
from remediation.sources.incident_feed.days import day_of

_LONGEST_CODE = 100
_LONGEST_VERSION = 100
"""Characters of a code, and of `last-modified`."""

_COUNT = re.compile(r"\d{1,9}", re.ASCII)
_NUMBER = re.compile(r"[+-]?(\d{1,9})(?:\.(\d{1,9}))?", re.ASCII)
_TRUE = frozenset({"true", "t", "yes", "y", "on"})
_FALSE = frozenset({"false", "f", "no", "n", "off", "none", "null", "nil"})
_TYPES = {word.value: word for word in IncidentType if word is not IncidentType.UNKNOWN}


def count_of(text: str) -> int | None:
    """A number of things, up to nine digits; None for anything else."""
    text = text.strip()
    return int(text) if _COUNT.fullmatch(text) else None


def flag_of(text: str | None, name: str) -> bool | None:
    """Whether an attribute called `name` says that something holds; None for a text that nobody can read.

    None, which is no attribute, says that it does not. A number says so by being zero or not, a word by its meaning.
    The attribute alone, its own name, and a date (since when it holds) say that it does.
    """
    if text is None:
        return False
    word = text.strip().lower()
    if word in {"", name} or word in _TRUE:
        return True
    if word in _FALSE:
        return False
    if number := _NUMBER.fullmatch(word):
        return any(int(digits or 0) for digits in number.groups())
    return True if day_of(word, UTC) else None


def type_of(text: str) -> IncidentType:
    """The type; UNKNOWN for a word that we do not know."""
    return _TYPES.get(text.strip().lower(), IncidentType.UNKNOWN)


def code_of(text: str) -> str | None:
    """A code as it is written, without blanks around it; None where it cannot be one."""
    return _line_of(text, _LONGEST_CODE)


def version_of(text: str) -> str | None:
    """What `last-modified` says, as text; None where it cannot be a version."""
    return _line_of(text, _LONGEST_VERSION)


def _line_of(text: str, longest: int) -> str | None:
    line = text.strip()
    return line if line and len(line) <= longest and line.isprintable() else None
