"""Values as YAML that reads back as the same values, whatever text they hold, with comments. Pure."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from remediation.redaction import plain

_INDENT = 2
_LONGEST_COMMENT = 400
_LONGEST_KEY = 900
"""Characters of a key as it is written: YAML takes no longer ones than 1,024 in one line."""

_PLAIN = re.compile(r"[0-9]+[smhd]|[A-Za-z_][\w./@+-]*(?: [\w./@+()'-]+)*", re.ASCII)
_ADDRESS = re.compile(r"https?://[\w.~/:-]*[\w/]", re.ASCII)
_WORDS = frozenset({"null", "true", "false", "yes", "no", "on", "off", "y", "n"})
"""Words that are no text to some reader of YAML."""


class Items(tuple["Block", ...]):
    """A list of maps, each of several lines."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Entry:
    """A word and its value, which is a scalar, a list or a map of one line, or else a `Block` or `Items` below it.

    `beside` is a comment on its line and `above` are comments of their own lines. With `is_off` the whole entry is a
    comment. `needed`: a file that is there and does not have the word needs it, too.
    """

    key: str
    value: object
    beside: str = ""
    above: tuple[str, ...] = ()
    is_off: bool = False
    needed: bool = False


class Block(tuple[Entry, ...]):
    """A map with a line for each word."""

    __slots__ = ()


def block_text(entries: Iterable[Entry], indent: int = 0) -> str:
    """The lines of a map, each with its newline."""
    return "".join(f"{line}\n" for line in _lines(entries, indent))


def value_of(entry: Entry) -> object:
    """What the entry's value reads as; entries that are comments are left out."""
    return _plain_value(entry.value)


def flow(value: object) -> str:
    """A value in one line: a scalar, `[…]` or `{…}`."""
    match value:
        case Block():
            return flow(_plain_value(value))
        case Mapping():
            return f"{{{', '.join(f'{scalar(str(key))}: {flow(below)}' for key, below in value.items())}}}"
        case list() | tuple():
            return f"[{', '.join(map(flow, value))}]"
        case str():
            return scalar(value)
        case _:
            return json.dumps(value)


def scalar(text: str) -> str:
    """Text as a scalar that stands for text: without quotes where nobody could take it for anything else."""
    if _PLAIN.fullmatch(text) and text.lower() not in _WORDS:
        return text
    quoted = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{"".join(map(_escaped, quoted))}"'


def is_writable(text: str) -> bool:
    """Whether the text can stand in a file, also as a key: it is not empty, and has no half characters."""
    whole = bool(text.strip()) and not any("\ud800" <= char <= "\udfff" for char in text)
    return whole and len(scalar(text)) <= _LONGEST_KEY


def comment(words: str) -> str:
    """A comment of one line."""
    return f"# {plain(words, _LONGEST_COMMENT).strip()}".rstrip()


def _lines(entries: Iterable[Entry], indent: int, *, is_off: bool = False) -> Iterator[str]:
    margin = " " * indent
    for entry in entries:
        yield from (f"{margin}{comment(words)}" for words in entry.above)
        beside = f"  {comment(entry.beside)}" if entry.beside else ""
        off = is_off or entry.is_off
        head = f"{margin}{'# ' if off else ''}{scalar(entry.key)}:"
        match entry.value:
            case Items():
                yield f"{head}{beside}"
                yield from _items(entry.value, indent + _INDENT)
            case Block():
                yield f"{head}{beside}"
                yield from _lines(entry.value, indent + _INDENT, is_off=off)
            case str() if _ADDRESS.fullmatch(entry.value):
                yield f"{head} {entry.value}{beside}"
            case _:
                yield f"{head} {flow(entry.value)}{beside}"


def _items(items: Items, indent: int) -> Iterator[str]:
    margin = " " * indent
    for number, block in enumerate(items):
        above = block[0].above if block else ()
        if number:
            yield ""
        yield from (f"{margin}{comment(words)}" for words in above)
        lines = list(_lines([replace(block[0], above=()), *block[1:]], indent + _INDENT))
        yield f"{margin}- {lines[0].lstrip()}"
        yield from lines[1:]


def _plain_value(value: object) -> object:
    match value:
        case Items():
            return [_plain_value(each) for each in value]
        case Block():
            return {each.key: _plain_value(each.value) for each in value if not each.is_off} or None
        case Mapping():
            return {str(key): _plain_value(below) for key, below in value.items()}
        case list() | tuple():
            return [_plain_value(each) for each in value]
        case str():
            return str(value)
        case _:
            return value


def _escaped(char: str) -> str:
    if char.isprintable():
        return char
    code = ord(char)
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"  # noqa: PLR2004 - what four digits can say
