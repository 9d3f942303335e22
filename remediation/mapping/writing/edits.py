"""Changes of a file that is there: only the words that change are written, and everything else stays as it is. Pure.

Each change is made in the text, where the parser says that the word stands. Then the text is read again: a change that
does not lead to exactly the values that were meant (an alias, a form of YAML that nobody foresaw) is not made, and is
left to a person.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError
from ruamel.yaml.nodes import CollectionNode, MappingNode, Node, ScalarNode

from remediation.domain.errors import ConfigurationError
from remediation.mapping.reading.document import read_document
from remediation.mapping.reading.positions import path_text
from remediation.mapping.writing.yaml_text import Block, Entry, block_text, flow, scalar, value_of

Words = tuple[str, ...]
"""The path to a word through maps."""


@dataclass(frozen=True, slots=True)
class Edit:
    """A word that gets another value, or is added. `entry` is the last of its `path`."""

    path: Words
    entry: Entry

    def __str__(self) -> str:
        return f"{path_text(self.path)}: {flow(self.entry.value)}"


@dataclass(frozen=True, slots=True)
class Edited:
    """The text with what could be written, and what a person has to write."""

    text: str
    by_hand: tuple[Edit, ...] = ()


def edits_of(above: Words, proposed: Block, written: object) -> Iterator[Edit]:
    """What differs from `written`, the value that a file has at `above`: other values, and words that it needs."""
    known = written if isinstance(written, dict) else {}
    for entry in proposed:
        if entry.is_off:
            continue
        path = (*above, entry.key)
        if entry.key not in known:
            if entry.needed:
                yield Edit(path, entry)
        elif isinstance(entry.value, Block) and isinstance(known[entry.key], dict):
            yield from edits_of(path, entry.value, known[entry.key])
        elif not _is_same(known[entry.key], value_of(entry)):
            yield Edit(path, entry)


def edited(text: str, edits: Iterable[Edit]) -> Edited:
    """The text with these changes, one after the other."""
    values = _values(text)
    by_hand: list[Edit] = []
    for edit in edits:
        changed, wanted = _applied(text, edit), _with(values, edit.path, value_of(edit.entry))
        if changed is not None and _values(changed) == wanted:
            text, values = changed, wanted
        else:
            by_hand.append(edit)
    return Edited(text, tuple(by_hand))


def _is_same(written: object, proposed: object) -> bool:
    """Whether both mean the same: a whole number stands for its text."""
    match written, proposed:
        case dict(), dict():
            same = written.keys() == proposed.keys()
            return same and all(_is_same(written[key], proposed[key]) for key in written)
        case ((str() | int()), (str() | int())):
            return str(written) == str(proposed)
        case _:
            return written == proposed


def _values(text: str) -> object:
    """What the text says; None where it cannot be read any more."""
    try:
        return read_document(text, "").data
    except ConfigurationError:
        return None


def _with(values: object, path: Words, value: object) -> object:
    if not path:
        return value
    known = values if isinstance(values, dict) else {}
    return {**known, path[0]: _with(known.get(path[0]), path[1:], value)}


def _applied(text: str, edit: Edit) -> str | None:
    """The text with the change; None where it stands in a form that is left to a person."""
    try:
        node: Node = YAML(typ="safe", pure=True).compose(text)
    except (YAMLError, ValueError, RecursionError):
        return None
    key: Node | None = None
    path = list(edit.path)
    while path and isinstance(node, MappingNode) and (found := _found(node, path[0])):
        key, node = found
        path.pop(0)
    if key is not None and _is_nothing(node):
        below = {path[-1]: edit.entry.value} if path else edit.entry.value
        return _behind(text, key, flow(below)) if len(path) <= 1 else None
    if not path:
        return _replaced(text, node, edit)
    entry = edit.entry
    for word in reversed(path[:-1]):
        entry = Entry(word, Block([entry]))
    return _inserted(text, node, key, entry) if isinstance(node, MappingNode) else None


def _found(node: MappingNode, word: str) -> tuple[Node, Node] | None:
    return next(((key, value) for key, value in node.value if key.value == word), None)


def _is_nothing(node: Node) -> bool:
    """Whether nothing stands there; the parser has the place of what comes next for it."""
    return isinstance(node, ScalarNode) and not node.value and node.start_mark.index == node.end_mark.index


def _behind(text: str, key: Node, words: str) -> str:
    at = text.find(":", key.end_mark.index) + 1
    return f"{text[:at]} {words}{text[at:]}"


def _replaced(text: str, node: Node, edit: Edit) -> str | None:
    """Another value in the place of one in a single line; of a map in several lines, value by value."""
    if isinstance(node, MappingNode) and not node.flow_style:
        values = value_of(edit.entry)
        below = values if isinstance(values, Mapping) else {}
        for word, value in below.items():
            changed = _applied(text, Edit((*edit.path, str(word)), Entry(str(word), value)))
            if changed is None:
                return None
            text = changed
        return text if below else None
    match node:
        case ScalarNode(style="|" | ">"):
            return None
        case CollectionNode(flow_style=False | None):
            return None
        case _:
            return _put(text, node, flow(edit.entry.value))


def _put(text: str, node: Node, words: str) -> str:
    return f"{text[: node.start_mark.index]}{words}{text[node.end_mark.index :]}"


def _inserted(text: str, node: MappingNode, key: Node | None, entry: Entry) -> str | None:
    """One more word in a map: at its beginning, or at the end of the file."""
    if node.flow_style:
        at = node.start_mark.index + 1
        more = ", " if node.value else ""
        return f"{text[:at]}{scalar(entry.key)}: {flow(entry.value)}{more}{text[at:]}"
    line_end = "\r\n" if "\r\n" in text else "\n"
    if key is None:
        added = block_text([entry]).replace("\n", line_end)
        return f"{text}{'' if text.endswith(line_end) else line_end}{line_end}{added}"
    at = text.find("\n", key.end_mark.index) + 1
    first: Node = node.value[0][0]
    if not at or first.start_mark.index < at:
        return None
    added = block_text([entry], first.start_mark.column).replace("\n", line_end)
    return f"{text[:at]}{added}{text[at:]}"
