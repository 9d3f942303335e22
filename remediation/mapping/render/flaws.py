"""Mistakes in templates, each with its place, and what Jinja2 says of them in words for the person who wrote them."""

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass

from remediation.mapping.config.suggestions import did_you_mean
from remediation.mapping.config.words import CURLY_QUOTES

_CURLY_QUOTE = re.compile(f"unexpected char '([{CURLY_QUOTES}])'")
_STRAY = re.compile(r"unexpected char '([^'\\])'")
_NO_FILTER = re.compile(r"No filter named '(\w+)'")
_NO_TAG = re.compile(r"Encountered unknown tag '(\w+)'")
_NO_END = "Unexpected end of template"
_ASSIGNED = "got '='"
_UNCLOSED = re.compile(r"(\{\{|\{%)(?:(?!\}\}|%\}|\{\{|\{%).)*$")
_CLOSING = {"{{": "}}", "{%": "%}"}
_TAG = re.compile(r"\{%[-+]?\s*(if|for|endif|endfor)\b")
_TAGS = ("if", "elif", "else", "endif", "for", "endfor", "set")
_OTHER_TAGS = {"elseif": "elif", "elsif": "elif", "end": "endif", "fi": "endif"}
"""Words of other languages."""


@dataclass(frozen=True, slots=True)
class Flaw:
    """What is wrong with a template, in which of its lines (0: not known), and the words that stand there."""

    message: str
    line: int = 0
    words: str = ""


@dataclass(frozen=True, slots=True)
class _Refusal:
    """A text that is no template, what Jinja2 says of it, at which line, and the filters that there are."""

    text: str
    said: str
    line: int
    filters: Collection[str]


def syntax_flaw(text: str, said: str, line: int, filters: Collection[str]) -> Flaw:
    """What keeps a text from being a template; `said` and `line` are Jinja2's."""
    refusal = _Refusal(text, said, line, filters)
    found = (look(refusal) for look in _LOOKS)
    return next((flaw for flaw in found if flaw), Flaw(f"is not a valid template: {said}", line))


def _curly_quote(refusal: _Refusal) -> Flaw | None:
    found = _CURLY_QUOTE.search(refusal.said)
    if found is None:
        return None
    return Flaw(f"a curly quote {found[1]} stands in a template: write ' instead", refusal.line, found[1])


def _unclosed(refusal: _Refusal) -> Flaw | None:
    """A {{ or {% that is not closed in its own line: in the line that is refused, or in the one before it."""
    lines = refusal.text.splitlines()
    for number in range(min(refusal.line, len(lines)), 0, -1):
        if found := _UNCLOSED.search(lines[number - 1]):
            message = f"the {found[1]} that stands here is not closed by {_CLOSING[found[1]]} in the same line"
            return Flaw(message, number, found[0].rstrip())
        if number < refusal.line and lines[number - 1].strip():
            return None
    return None


def _no_end(refusal: _Refusal) -> Flaw | None:
    """The last {% if %} or {% for %} that has no end."""
    stack: list[re.Match[str]] = []
    for tag in _TAG.finditer(refusal.text if _NO_END in refusal.said else ""):
        if not tag[1].startswith("end"):
            stack.append(tag)
        elif stack:
            stack.pop()
    if not stack:
        return None
    tag = stack[-1]
    message = f"the {{% {tag[1]} … %}} that stands here has no {{% end{tag[1]} %}}"
    return Flaw(message, refusal.text.count("\n", 0, tag.start()) + 1, tag[0].splitlines()[0])


def _no_filter(refusal: _Refusal) -> Flaw | None:
    found = _NO_FILTER.search(refusal.said)
    if found is None:
        return None
    return Flaw(f"there is no filter {found[1]}{did_you_mean(found[1], refusal.filters)}", refusal.line, found[1])


def _no_tag(refusal: _Refusal) -> Flaw | None:
    found = _NO_TAG.search(refusal.said)
    if found is None:
        return None
    meant = _OTHER_TAGS.get(found[1])
    hint = f"; did you mean '{meant}'?" if meant else did_you_mean(found[1], _TAGS)
    return Flaw(f"there is no {{% {found[1]} %}} here{hint}", refusal.line, found[1])


def _stray(refusal: _Refusal) -> Flaw | None:
    found = _STRAY.search(refusal.said)
    return Flaw(f"{found[1]} means nothing inside a template", refusal.line, found[1]) if found else None


def _assigned(refusal: _Refusal) -> Flaw | None:
    return Flaw("one = compares nothing: write ==", refusal.line, "{%") if _ASSIGNED in refusal.said else None


_LOOKS: tuple[Callable[[_Refusal], Flaw | None], ...] = (
    _curly_quote,
    _unclosed,
    _no_end,
    _no_filter,
    _no_tag,
    _stray,
    _assigned,
)
"""In this order: the first that knows the mistake is right."""
