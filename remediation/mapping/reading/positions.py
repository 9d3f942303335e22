"""The position of each word in the file, so that a message about it can name the position."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from remediation.domain.errors import Problem
from remediation.redaction import plain

Steps = tuple[str | int, ...]
"""The path to a value: keys of maps, and indexes of list entries, from 0."""

_PLAIN_KEY = re.compile(r"[A-Za-z0-9_*-]+")
_LONGEST_KEY = 60


@dataclass(frozen=True, slots=True)
class LineColumn:
    """A line and a column, both counted from 1."""

    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Complaint:
    """A mistake in one value, or in its key; `place` where these do not determine the position."""

    steps: Steps
    message: str
    about: Literal["key", "value"] = "value"
    place: LineColumn | None = None


@dataclass(frozen=True, slots=True)
class Positions:
    """The positions of every key and every value of one file."""

    keys: Mapping[Steps, LineColumn] = field(default_factory=dict)
    values: Mapping[Steps, LineColumn] = field(default_factory=dict)

    def place(self, steps: Steps, about: Literal["key", "value"] = "value") -> LineColumn:
        """The position of a value; for a missing one, that of the nearest key above it."""
        places = (self.values, self.keys) if about == "value" else (self.keys, self.values)
        for book in places:
            if steps in book:
                return book[steps]
        return self.place(steps[:-1], "key") if steps else LineColumn(1, 1)

    def problem(self, where: str, complaint: Complaint) -> Problem:
        """The complaint as `file:line:column: path: message`."""
        place = complaint.place or self.place(complaint.steps, complaint.about)
        path = path_text(complaint.steps)
        return Problem(where, f"{path}: {complaint.message}" if path else complaint.message, place.line, place.column)


def path_text(steps: Steps) -> str:
    """The path as people write it: `rules[3].tickets.jira.project`."""
    return "".join(f"[{step}]" if isinstance(step, int) else f".{key_text(step)}" for step in steps).removeprefix(".")


def key_text(key: str) -> str:
    """A key for a message: unchanged where it is plain, otherwise quoted, cut, and without control characters."""
    return key if _PLAIN_KEY.fullmatch(key) and len(key) <= _LONGEST_KEY else f"'{plain(key, _LONGEST_KEY)}'"
