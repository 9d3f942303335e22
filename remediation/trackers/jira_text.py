"""Plain text for Jira: as one line, or as wiki markup (API version 2) that renders as exactly that text.

The markup is that of Jira's "Text Formatting Notation Help". A backslash takes a character's meaning away, except that
two of them break the line, so a literal one is written as an entity. What has no escape of its own (`h1.`, entities)
is taken apart by a zero-width space.
"""

import re
from bisect import bisect_right
from collections.abc import Callable

from remediation.redaction import plain

SUMMARY_LIMIT = 255
TEXT_LIMIT = 32_767
_CUT = "…"
_APART = "\u200b"

_TOKEN = re.compile(
    r"""(?P<address>https?://[A-Za-z0-9._~:/?\#@&=%+,;-]+)
    |(?P<backslash>\\)
    |(?P<special>[{}\[\]|!])
    |(?P<entity>&(?=\#?[A-Za-z0-9]+;))
    |(?P<smiley>\((?=(?:[/?xyni!+crd-]|\*[rgby]?|off|on|tm|flag|flagoff)\))|(?<=[:;])[()])
    |(?P<citation>\?(?=\?)|(?<=\?)\?)
    |(?P<phrase>[*_+^~-])""",
    re.VERBOSE | re.IGNORECASE,
)
_HEADING = re.compile(r"(\s*(?:h[1-6]|bq))(?=\.)")
_BULLET = re.compile(r"(\s*)([-*#]+)")


def length(text: str) -> int:
    """Characters as Jira counts them: UTF-16 units."""
    return len(text.encode("utf-16-le")) // 2


def one_line(text: str, limit: int = SUMMARY_LIMIT) -> str:
    """The text on one line, runs of white space as one space, cut to the limit."""
    line = " ".join(plain(text, len(text)).split())
    return line if length(line) <= limit else _longest(line, limit - 1, str) + _CUT


def wiki(text: str, limit: int = TEXT_LIMIT) -> str:
    """Markup that renders as the text. What would be longer than the limit is cut before it is escaped."""
    clean = plain(text, limit + 1, lines=True)
    markup = escaped(clean)
    return markup if length(markup) <= limit else _longest(clean, limit - 1, escaped) + _CUT


def escaped(text: str) -> str:
    """Markup for a clean text, line by line."""
    return "\n".join(_escaped_line(line) for line in text.split("\n"))


def _escaped_line(line: str) -> str:
    heading = _HEADING.match(line)
    if heading:
        return heading[1] + _APART + _escaped_from(line, heading.end())
    bullet = _BULLET.match(line)
    if bullet:
        marks = "".join("\\" + mark for mark in bullet[2])
        return bullet[1] + marks + _escaped_from(line, bullet.end())
    return _escaped_from(line, 0)


def _escaped_from(line: str, start: int) -> str:
    pieces, at = [], start
    for match in _TOKEN.finditer(line, start):
        pieces += [line[at : match.start()], _replacement(match)]
        at = match.end()
    return "".join(pieces) + line[at:]


def _replacement(match: re.Match[str]) -> str:
    match match.lastgroup:
        case "address":
            return match[0]
        case "backslash":
            return "&#92;"
        case "entity":
            return "&" + _APART
        case "phrase" if not _could_mark(match.string, match.start()):
            return match[0]
        case _:
            return "\\" + match[0]


def _could_mark(line: str, at: int) -> bool:
    """A phrase is marked from a word's edge: never between two letters or digits, nor between two spaces."""
    before, after = line[at - 1 : at] or " ", line[at + 1 : at + 2] or " "
    return not (before.isalnum() and after.isalnum()) and not (before.isspace() and after.isspace())


def _longest(text: str, limit: int, render: Callable[[str], str]) -> str:
    """The longest beginning of the text whose rendering stays within the limit, rendered."""
    size = bisect_right(range(len(text)), limit, key=lambda count: length(render(text[:count]))) - 1
    while length(render(text[:size])) > limit:
        size -= 1
    return render(text[:size])
