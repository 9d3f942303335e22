"""Plain text for Jira: as one line, or as wiki markup (API version 2) that renders as exactly that text.

Two renderers read the markup: Data Center's own, and on Cloud a parser that makes a document of it. Both take a
backslash for an escape before one of `-#*_+?^~|%{}[]()!@` only, keep it elsewhere, and break the line at two of them.
What has no escape (`h1.`, `:D`, a backslash before a mark, entities, which only Data Center decodes) is taken apart by
a zero-width space.

An address is left as it is: both make it a link, in which a backslash would be seen. It ends where we end it, by a
zero-width space, because on Cloud it would go on through most marks, and take the backslash that escapes the next.
"""

import re
from bisect import bisect_right
from collections.abc import Callable

from remediation.redaction import plain

SUMMARY_LIMIT = 255
TEXT_LIMIT = 32_767
_CUT = "…"
_APART = "\u200b"

_HOST = (
    r"(?:(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])(?:\.(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])){3}"
    r"|(?:[A-Za-z0-9-]+\.)*[A-Za-z][A-Za-z0-9-]*)"
)
"""An address of four numbers, or a name whose last part is none. Cloud's parser leaves the rest of a text open to all
markup where the host is not one."""

_ADDRESS = (
    rf"http[sS]?://(?!(?i:[a-z0-9.-]*xn--)){_HOST}(?![A-Za-z0-9-])(?::[1-5]?[0-9]{{1,4}}(?![0-9]))?"
    r"(?:[/?\#](?:[A-Za-z0-9._~:/?\#@&=%+,;-]*[A-Za-z0-9_~/\#@&=%+-])?)?"
)
_TOKEN = re.compile(
    rf"""(?P<address>{_ADDRESS})
    |(?P<scheme>(?:https?|ftps?|irc)(?=://)|mailto(?=:))
    |(?P<backslash>\\)
    |(?P<special>[{{}}\[\]|!])
    |(?P<entity>&(?=\#?[A-Za-z0-9]+;))
    |(?P<face>:(?=[DPp](?![A-Za-z0-9])))
    |(?P<smiley>\((?=(?:[/?xyni!+crd-]|\*[rgby]?|off|on|tm|flag|flagoff)\))|(?<=[:;])[()])
    |(?P<citation>\?(?=\?)|(?<=\?)\?)
    |(?P<phrase>[*_+^~-])""",
    re.VERBOSE,
)
_HEADING = re.compile(r"(\s*(?:h[1-6]|bq))(?=\.)")
_BULLET = re.compile(r"(\s*)([-*#]+)")
_HARMLESS_AFTER_BACKSLASH = re.compile(r"[A-Za-z0-9 ]")
_HARMLESS_AFTER_ADDRESS = re.compile(r"[.,]?(?:\s|$)")

_SPACES_AT_MOST = 4
"""Runs of white space become one blank: so many times the limit are read for that."""


def length(text: str) -> int:
    """Characters as Jira counts them: UTF-16 units."""
    return len(text.encode("utf-16-le")) // 2


def one_line(text: str, limit: int = SUMMARY_LIMIT) -> str:
    """The text on one line, runs of white space as one space, cut to the limit."""
    line = " ".join(plain(text, _SPACES_AT_MOST * limit).split())
    return line if length(line) <= limit else _longest(line, limit - 1, str) + _CUT


def wiki(text: str, limit: int = TEXT_LIMIT) -> str:
    """Markup that renders as the text. What would be longer than the limit is cut before it is escaped."""
    clean = plain(text, limit + 1, lines=True)
    markup = _escaped(clean)
    return markup if length(markup) <= limit else _longest(clean, limit - 1, _escaped) + _CUT


def _escaped(text: str) -> str:
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
    line, end = match.string, match.end()
    match match.lastgroup:
        case "address":
            return match[0] if _HARMLESS_AFTER_ADDRESS.match(line, end) else match[0] + _APART
        case "backslash":
            is_kept = _HARMLESS_AFTER_BACKSLASH.match(line, end) and not _TOKEN.match(line, end)
            return "\\" if is_kept else "\\" + _APART
        case "scheme" | "entity" | "face":
            return match[0] + _APART
        case "phrase" if not _could_mark(line, match.start()):
            return match[0]
        case _:
            return "\\" + match[0]


def _could_mark(line: str, at: int) -> bool:
    """A phrase is marked from a word's edge: never between two letters or digits, nor between two spaces."""
    before, after = line[at - 1 : at] or " ", line[at + 1 : at + 2] or " "
    return not (before.isalnum() and after.isalnum()) and not before == after == " "


def _longest(text: str, limit: int, render: Callable[[str], str]) -> str:
    """The longest beginning of the text whose rendering stays within the limit, rendered."""
    size = bisect_right(range(len(text)), limit, key=lambda count: length(render(text[:count]))) - 1
    while length(render(text[:size])) > limit:
        size -= 1
    return render(text[:size])
