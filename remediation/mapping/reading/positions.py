"""The position of each word in the file, so that a message about it can name the position."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from remediation.domain.errors import Problem
from remediation.redaction import plain

Steps = tuple[str | int, ...]
"""The path to a value: keys of maps, and indexes of list entries, from 0."""

_PLAIN_KEY = re.compile(r"[A-Za-z0-9_*-]+")
_LONGEST_KEY = 60
_LINE_BREAK = re.compile("\r\n|[\n\r\u0085\u2028\u2029]")
"""What ends a line in YAML 1.1, and so for the parser that counts lines."""

About = Literal["key", "value"]


@dataclass(frozen=True, slots=True, order=True)
class LineColumn:
    """A line and a column, both counted from 1."""

    line: int
    column: int


class Inside(NamedTuple):
    """A place inside a text: its line from 1 (0: not known), and what stands there (empty: not known)."""

    line: int = 0
    words: str = ""


@dataclass(frozen=True, slots=True)
class Complaint:
    """A mistake in one value, or in its key; `place` where these do not determine the position.

    `inside` is where in the value the mistake is, if that is a text. With `is_whole`, nothing else has to be said about
    the same value or key.
    """

    steps: Steps
    message: str
    about: About = "value"
    place: LineColumn | None = None
    inside: Inside | None = None
    is_whole: bool = False


@dataclass(frozen=True, slots=True)
class Scalar:
    """Where a text begins and ends in the file, and whether each of its lines is a line of the file (style |)."""

    first: LineColumn
    last: LineColumn
    is_literal: bool


@dataclass(frozen=True, slots=True)
class Positions:
    """The positions of every key and every value of one file; its lines, and the texts that may be templates."""

    keys: Mapping[Steps, LineColumn] = field(default_factory=dict)
    values: Mapping[Steps, LineColumn] = field(default_factory=dict)
    scalars: Mapping[Steps, Scalar] = field(default_factory=dict)
    lines: Sequence[str] = ()

    def place(self, steps: Steps, about: About = "value") -> LineColumn:
        """The position of a value; for a missing one, that of the nearest key above it."""
        places = (self.values, self.keys) if about == "value" else (self.keys, self.values)
        for book in places:
            if steps in book:
                return book[steps]
        return self.place(steps[:-1], "key") if steps else LineColumn(1, 1)

    def problem(self, where: str, complaint: Complaint) -> Problem:
        """The complaint as `file:line:column: path: message`."""
        place = complaint.place or self._inside(complaint) or self.place(complaint.steps, complaint.about)
        path = path_text(complaint.steps)
        return Problem(where, f"{path}: {complaint.message}" if path else complaint.message, place.line, place.column)

    def problems(self, where: str, complaints: Iterable[Complaint]) -> list[Problem]:
        """What is wrong, each once and in the order of the file, without what another complaint says already."""
        problems = dict.fromkeys(self.problem(where, complaint) for complaint in _told_once(complaints))
        return sorted(problems, key=lambda problem: (problem.line, problem.column, problem.message))

    def _inside(self, complaint: Complaint) -> LineColumn | None:
        """The position of a mistake inside a text; None where it cannot be told."""
        scalar, inside = self.scalars.get(complaint.steps), complaint.inside
        if scalar is None or inside is None:
            return None
        numbers: Sequence[int] = range(scalar.first.line, scalar.last.line + 1)
        if scalar.is_literal and inside.line:
            numbers = (min(scalar.first.line + inside.line, scalar.last.line),)
        for number in numbers if inside.words else ():
            start = scalar.first.column - 1 if number == scalar.first.line else 0
            if (column := self._line(number).find(inside.words, start)) >= 0:
                return LineColumn(number, column + 1)
        if len(numbers) > 1:
            return None
        line = self._line(numbers[0])
        blank = len(line) - len(line.lstrip())
        return LineColumn(numbers[0], blank + 1) if scalar.is_literal else scalar.first

    def _line(self, number: int) -> str:
        return self.lines[number - 1] if 0 < number <= len(self.lines) else ""


def _told_once(complaints: Iterable[Complaint]) -> Iterator[Complaint]:
    """The complaints without those about a value or key of which another one says everything."""
    every = list(complaints)
    whole = {complaint.steps for complaint in every if complaint.is_whole}
    yield from (complaint for complaint in every if complaint.is_whole or complaint.steps not in whole)


def source_lines(text: str) -> Sequence[str]:
    """The lines of a file, as the parser counts them."""
    return _LINE_BREAK.split(text)


def path_text(steps: Steps) -> str:
    """The path as people write it: `rules[3].tickets.jira.project`."""
    return "".join(f"[{step}]" if isinstance(step, int) else f".{key_text(step)}" for step in steps).removeprefix(".")


def key_text(key: str) -> str:
    """A key for a message: unchanged where it is plain, otherwise quoted, cut, and without control characters."""
    return key if _PLAIN_KEY.fullmatch(key) and len(key) <= _LONGEST_KEY else f"'{plain(key, _LONGEST_KEY)}'"
