"""YAML text as plain values that remember where they stood. Bounded: no text makes it grow or run for long."""

import math
import re
from dataclasses import dataclass, field

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from remediation.errors import ConfigurationError, Problem
from remediation.mapping.positions import Complaint, Place, Positions, Steps, key_text
from remediation.redaction import plain

LARGEST_FILE = 1_000_000
"""Bytes. A thousand rules take half of it."""

_MOST_VALUES = 100_000
_DEEPEST = 40
_TAG = "tag:yaml.org,2002:"
_KNOWN_TAGS = frozenset(_TAG + kind for kind in ("map", "seq", "str", "null", "bool", "int", "float", "timestamp"))
_SURROGATE = re.compile("[\ud800-\udfff]")
_WHOLE_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]{0,17})")
_TRUTH = {"true": True, "false": False}


@dataclass(slots=True)
class Document:
    """What was read: maps, lists, text, whole numbers, floats, booleans and None, and what is wrong with their form."""

    data: object = None
    keys: dict[Steps, Place] = field(default_factory=dict)
    values: dict[Steps, Place] = field(default_factory=dict)
    complaints: list[Complaint] = field(default_factory=list)

    @property
    def positions(self) -> Positions:
        """Where everything stands."""
        return Positions(self.keys, self.values)


def read_document(text: str, where: str) -> Document:
    """The document that `text` is. Raises ConfigurationError where not even its form can be made out."""
    document = Document()
    try:
        root = _composed(text)
        if root is not None:
            document.data = _Reader(document).value(root, ())
    except _Unreadable as error:
        raise ConfigurationError([Problem(where, error.message, error.place.line, error.place.column)]) from None
    return document


class _Unreadable(Exception):
    def __init__(self, message: str, place: Place) -> None:
        super().__init__(message)
        self.message = message
        self.place = place


def _composed(text: str) -> Node | None:
    try:
        node: Node | None = YAML(typ="safe", pure=True).compose(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = Place(mark.line + 1, mark.column + 1) if mark else Place(1, 1)
        words = ", ".join(part for part in (error.context, error.problem) if part)
        raise _Unreadable(f"is not valid YAML: {plain(words, 200)}", place) from None
    except RecursionError:
        raise _Unreadable("is nested too deeply", Place(1, 1)) from None
    except (YAMLError, ValueError, TypeError, LookupError, AttributeError, AssertionError):
        raise _Unreadable("is not valid YAML", Place(1, 1)) from None
    return node


class _Reader:
    """Turns nodes into values. Aliases are read again each time, within the bound on all values."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self._count = 0

    def value(self, node: Node, steps: Steps) -> object:
        place = _place(node)
        self._document.values[steps] = place
        self._count += 1
        if self._count > _MOST_VALUES or len(steps) > _DEEPEST:
            raise _Unreadable("holds too many values, or values nested too deeply (aliases count each time)", place)
        match node:
            case MappingNode():
                return self._map(node, steps)
            case SequenceNode():
                return self._list(node, steps)
            case ScalarNode():
                return self._scalar(node, steps)
            case _:
                raise _Unreadable("is not valid YAML", place)

    def _map(self, node: MappingNode, steps: Steps) -> dict[str, object]:
        self._refuse_tag(node, steps)
        read: dict[str, object] = {}
        for key_node, value_node in node.value:
            if not isinstance(key_node, ScalarNode):
                raise _Unreadable("has a key that is no plain text", _place(key_node))
            key = self._text(key_node, steps)
            inner = (*steps, key)
            if key_node.tag == f"{_TAG}merge":
                self._complain(steps, "merge keys (<<) are not used here", key_node)
            elif key in read:
                first = self._document.keys[inner].line
                self._complain(steps, f"the key {key_text(key)} is written twice, first in line {first}", key_node)
            else:
                self._document.keys[inner] = _place(key_node)
                read[key] = self.value(value_node, inner)
        return read

    def _list(self, node: SequenceNode, steps: Steps) -> list[object]:
        self._refuse_tag(node, steps)
        return [self.value(entry, (*steps, number)) for number, entry in enumerate(node.value)]

    def _scalar(self, node: ScalarNode, steps: Steps) -> object:
        self._refuse_tag(node, steps)
        return _plain_value(str(node.tag), self._text(node, steps))

    def _text(self, node: ScalarNode, steps: Steps) -> str:
        text = str(node.value)
        if _SURROGATE.search(text):
            self._complain(steps, "holds half a character (an unpaired surrogate)", node)
            return _SURROGATE.sub("", text)
        return text

    def _refuse_tag(self, node: Node, steps: Steps) -> None:
        if node.tag not in _KNOWN_TAGS:
            self._complain(steps, f"the tag {plain(str(node.tag), 60)} is not used here", node)

    def _complain(self, steps: Steps, message: str, node: Node) -> None:
        self._document.complaints.append(Complaint(steps, message, place=_place(node)))


def _plain_value(tag: str, text: str) -> object:
    """The value that a scalar stands for. Whatever a number or a date would lose in the reading stays text."""
    match tag.removeprefix(_TAG):
        case "null":
            return None
        case "bool":
            return _TRUTH.get(text.lower(), text)
        case "int":
            return int(text) if _WHOLE_NUMBER.fullmatch(text) else text
        case "float":
            return _finite(text)
        case _:
            return text


def _finite(text: str) -> float | str:
    try:
        number = float(text)
    except ValueError:
        return text
    return number if math.isfinite(number) else text


def _place(node: Node) -> Place:
    return Place(node.start_mark.line + 1, node.start_mark.column + 1)
