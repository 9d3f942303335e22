"""YAML text as plain values with their positions. Time and memory are limited, whatever the text is."""

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)

from remediation.domain.errors import ConfigurationError, Problem
from remediation.mapping.reading.positions import (
    Complaint,
    LineColumn,
    Positions,
    Scalar,
    Steps,
    key_text,
    source_lines,
)
from remediation.mapping.reading.syntax import IN_QUOTES, is_curly, mistake_of, unquoted_template
from remediation.redaction import plain

LARGEST_FILE = 1_000_000
"""Bytes. A file with a thousand rules has half as many."""

_MOST_VALUES = 100_000
_MOST_EVENTS = 3 * _MOST_VALUES + 10
"""More than any document has within the limit on values: a value with its key has three events at most."""

_DEEPEST = 40
_LONGEST_JUDGED = 64_000
"""Characters of a text that may be parsed by the parser in Python as well, which takes a second for so many."""

_MERGE = "<<"
_KNOWN_TAGS = frozenset({"!!str", "tag:yaml.org,2002:str"})
"""The tags that are accepted: they say that a value is text."""
_SURROGATE = re.compile("[\ud800-\udfff]")
_WHOLE_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]{0,17})")
_FRACTION = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+(?:[eE][-+]?[0-9]+)?|[eE][-+]?[0-9]+)")
_NOT_YAML = (YAMLError, ValueError, TypeError, LookupError, AttributeError, AssertionError, RecursionError)
"""What the parsers raise."""

_TOO_LARGE = "holds too many values, or values nested too deeply (aliases count each time)"
_WORDS = {"": None, "~": None, "null": None, "true": True, "false": False}

Events = Sequence[Event]


@dataclass(slots=True)
class Document:
    """The result: maps, lists, text, whole numbers, floats, booleans and None, and what is wrong with their form."""

    data: object = None
    keys: dict[Steps, LineColumn] = field(default_factory=dict)
    values: dict[Steps, LineColumn] = field(default_factory=dict)
    scalars: dict[Steps, Scalar] = field(default_factory=dict)
    lines: Sequence[str] = ()
    complaints: list[Complaint] = field(default_factory=list)

    @property
    def positions(self) -> Positions:
        """The position of every value."""
        return Positions(self.keys, self.values, self.scalars, self.lines)


def read_document(text: str, where: str) -> Document:
    """The document in `text`. Raises ConfigurationError where its form cannot be recognised."""
    document = Document(lines=source_lines(text))
    try:
        events = _events(text)
        first = _first_value(events)
        if first is not None:
            document.data, _ = _Reader(document, events).value(first, ())
    except _Unreadable as error:
        raise ConfigurationError([Problem(where, error.message, error.place.line, error.place.column)]) from None
    return document


class _Unreadable(Exception):
    def __init__(self, message: str, place: LineColumn) -> None:
        super().__init__(message)
        self.message = message
        self.place = place


def _events(text: str) -> Events:
    """Every event of the text.

    The parser in C is twenty times as fast; the parser in Python has better messages. So a short text that the first
    refuses is parsed again by the second. Where the first is not installed, the second parses everything.
    """
    try:
        return _limited(YAML(typ="safe").parse(text))
    except _NOT_YAML as error:
        if len(text) > _LONGEST_JUDGED:
            raise _judgement(text, error) from None
    try:
        return _limited(YAML(typ="safe", pure=True).parse(text))
    except _NOT_YAML as error:
        raise _judgement(text, error) from None


def _limited(parsed: Iterable[Event]) -> Events:
    """The events, as they are parsed. Raises _Unreadable at the first one that is too many, or too deep.

    The parsers themselves have no limit, and take seconds for each thousand levels.
    """
    events: list[Event] = []
    depth = 0
    for event in parsed:
        depth += isinstance(event, MappingStartEvent | SequenceStartEvent)
        depth -= isinstance(event, MappingEndEvent | SequenceEndEvent)
        events.append(event)
        if depth > _DEEPEST + 1 or len(events) > _MOST_EVENTS:
            raise _Unreadable(_TOO_LARGE, _place(event))
    return events


def _judgement(text: str, error: Exception) -> _Unreadable:
    """What is wrong with a text that a parser refuses, or else what the parser says; with its place if it has one."""
    if isinstance(error, MarkedYAMLError):
        if mistake := mistake_of(text, error, may_scan=len(text) <= _LONGEST_JUDGED):
            return _Unreadable(*mistake)
        mark = error.problem_mark or error.context_mark
        place = LineColumn(mark.line + 1, mark.column + 1) if mark else LineColumn(1, 1)
        words = ", ".join(part for part in (error.context, error.problem) if part)
        return _Unreadable(f"is not valid YAML: {plain(words, 200)}", place)
    is_deep = isinstance(error, RecursionError)
    return _Unreadable("is nested too deeply" if is_deep else "is not valid YAML", LineColumn(1, 1))


def _first_value(events: Events) -> int | None:
    """The number of the event that begins the only document; None where there is no document."""
    starts = [number for number, event in enumerate(events) if isinstance(event, DocumentStartEvent)]
    if len(starts) > 1:
        message = "a second document begins here, and the file must be one: take out the line with --- or ... before it"
        raise _Unreadable(message, _place(events[starts[1]]))
    return starts[0] + 1 if starts else None


def _aliased(events: Events) -> dict[int, int]:
    """The number of the event that begins the value of each alias, by the number of the alias."""
    anchors: dict[str, int] = {}
    found: dict[int, int] = {}
    for number, event in enumerate(events):
        anchor = getattr(event, "anchor", None)
        if anchor is None:
            continue
        if isinstance(event, AliasEvent):
            if anchor not in anchors:
                message = f"a text that begins with * {IN_QUOTES}; an alias needs an & with its name above"
                raise _Unreadable(message, _place(event))
            found[number] = anchors[anchor]
        else:
            anchors[anchor] = number
    return found


class _Reader:
    """Turns events into values. The value of an alias is read again each time, within the limit on all values."""

    def __init__(self, document: Document, events: Events) -> None:
        self._document = document
        self._events = events
        self._aliased = _aliased(events)
        self._count = 0
        self._run_on: set[Steps] = set()
        """Entries of lists in which another one begins, as it seems: all of its keys are there already."""

    def value(self, number: int, steps: Steps) -> tuple[object, int]:
        """The value that begins at an event, and the number of the event after it."""
        event = self._events[number]
        if isinstance(event, AliasEvent):
            return self.value(self._aliased[number], steps)[0], number + 1
        self._document.values[steps] = _place(event)
        self._count += 1
        if self._count > _MOST_VALUES or len(steps) > _DEEPEST:
            raise _Unreadable(_TOO_LARGE, _place(event))
        match event:
            case ScalarEvent():
                self._refuse_tag(event, steps)
                text = self._text(event, steps)
                if "{" in text:
                    self._document.scalars[steps] = _scalar(event)
                if _is_plain(event) and is_curly(text):
                    words = 'curly quotes are no quotes: write "…" instead'
                    self._document.complaints.append(Complaint(steps, words, place=_place(event), is_whole=True))
                return _plain_value(event, text), number + 1
            case MappingStartEvent():
                return self._map(number, steps)
            case SequenceStartEvent():
                return self._list(number, steps)
            case _:
                raise _Unreadable("is not valid YAML", _place(event))

    def _map(self, number: int, steps: Steps) -> tuple[dict[str, object], int]:
        self._refuse_tag(self._events[number], steps)
        read: dict[str, object] = {}
        number += 1
        while not isinstance(self._events[number], MappingEndEvent):
            event = self._key(number)
            key = self._text(event, steps)
            known = self._is_refused(event, key, steps, read)
            if not known:
                self._document.keys[*steps, key] = _place(event)
            value, number = self._passed(number + 1) if known else self.value(number + 1, (*steps, key))
            if not known:
                read[key] = value
        return read, number + 1

    def _key(self, number: int) -> ScalarEvent:
        """The event that is a key."""
        event = self._events[self._aliased.get(number, number)]
        if not isinstance(event, ScalarEvent):
            before = self._events[number - 1]
            if isinstance(event, MappingStartEvent) and _is_next_to(before, event):
                raise _Unreadable(unquoted_template("{{"), _place(before))
            raise _Unreadable(
                "has a list or a map where a key belongs: put a text in quotes", _place(self._events[number])
            )
        return event

    def _is_refused(self, event: ScalarEvent, key: str, steps: Steps, read: dict[str, object]) -> bool:
        """Whether a key is not allowed here. Adds a complaint about it."""
        if key == _MERGE and _is_plain(event):
            self._complain(steps, "merge keys (<<) are not used here", event)
        elif key in read:
            first = self._document.keys[*steps, key].line
            message = f"the key {key_text(key)} is written twice, first in line {first}"
            if steps and isinstance(steps[-1], int) and key == next(iter(read)):
                self._run_on.add(steps)
                self._complain(steps, f"{message}: if another entry begins here, write - before it", event)
            elif steps not in self._run_on:
                self._complain(steps, message, event)
        else:
            return False
        return True

    def _passed(self, number: int) -> tuple[None, int]:
        """Skip a value that is not used."""
        depth = 0
        while True:
            event = self._events[number]
            depth += isinstance(event, MappingStartEvent | SequenceStartEvent)
            depth -= isinstance(event, MappingEndEvent | SequenceEndEvent)
            number += 1
            if not depth:
                return None, number

    def _list(self, number: int, steps: Steps) -> tuple[list[object], int]:
        self._refuse_tag(self._events[number], steps)
        read: list[object] = []
        number += 1
        while not isinstance(self._events[number], SequenceEndEvent):
            value, number = self.value(number, (*steps, len(read)))
            read.append(value)
        return read, number + 1

    def _text(self, event: ScalarEvent, steps: Steps) -> str:
        text = str(event.value)
        if _SURROGATE.search(text):
            self._complain(steps, "holds half a character (an unpaired surrogate)", event)
            return _SURROGATE.sub("", text)
        return text

    def _refuse_tag(self, event: Event, steps: Steps) -> None:
        tag = getattr(event, "tag", None)
        if tag is not None and str(tag) not in _KNOWN_TAGS:
            words = f"tags are not used here: a text that begins with ! {IN_QUOTES}"
            self._document.complaints.append(Complaint(steps, words, place=_place(event), is_whole=True))

    def _complain(self, steps: Steps, message: str, event: Event) -> None:
        self._document.complaints.append(Complaint(steps, message, place=_place(event)))


def _is_plain(event: ScalarEvent) -> bool:
    """Whether it is written without quotes and without a tag."""
    return bool(event.implicit[0])


def _plain_value(event: ScalarEvent, text: str) -> object:
    """The value of a scalar, as JSON would have it.

    Values that reading would change stay text: dates, other numbers, yes and no.
    """
    if not _is_plain(event):
        return text
    if text.lower() in _WORDS:
        return _WORDS[text.lower()]
    if _WHOLE_NUMBER.fullmatch(text):
        return int(text)
    return _finite(text) if _FRACTION.fullmatch(text) else text


def _finite(text: str) -> float | str:
    number = float(text)
    return number if math.isfinite(number) else text


def _place(event: Event) -> LineColumn:
    return LineColumn(event.start_mark.line + 1, event.start_mark.column + 1)


def _scalar(event: ScalarEvent) -> Scalar:
    last = LineColumn(event.end_mark.line + 1, event.end_mark.column + 1)
    return Scalar(_place(event), last, is_literal=event.style == "|")


def _is_next_to(before: Event, event: Event) -> bool:
    """Whether an event begins one column behind another one, as the second brace in {{ does."""
    return isinstance(before, MappingStartEvent) and _place(before) == LineColumn(
        _place(event).line, _place(event).column - 1
    )
