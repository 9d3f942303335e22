"""Why a text is not YAML, in words for the person who wrote it: the usual mistakes, each at the place to mend.

The parsers say what they expected, at the place where they could not go on; that is often many lines below the mistake.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.tokens import ScalarToken

from remediation.mapping.config.words import CURLY_QUOTES
from remediation.mapping.reading.positions import LineColumn, source_lines
from remediation.redaction import plain

_ODD_SPACES = {
    "\u00a0": "no-break space (U+00A0)",
    "\u202f": "narrow no-break space (U+202F)",
    "\u3000": "wide space (U+3000)",
}
_CONFLICT = re.compile(r"<{7} .*|={7}|>{7} .*")
_BLANK = re.compile(r"\s*(?:#.*)?")
_KEY = r"""(?P<before>\s*(?:-\s+)*)(?P<key>[\w.*/-]+|'[^']*'|"[^"]*"):"""
_ENTRY = re.compile(rf"{_KEY}(?:\s+(?P<value>\S.*)|\s*)")
_NO_SPACE = re.compile(rf"{_KEY}(?!//)(?P<value>[^\s].*)")
_TEMPLATE = re.compile(r"(?:^\s*(?:-\s+)*[\w.-]+:\s+|^\s*-\s+|[\[{,]\s*(?:[\w.-]+:\s+)?)(?P<mark>\{[{%])")
_DASH = re.compile(r"\s*-(?P<rest>[A-Za-z\"'].*)")
_INDICATORS = "@`%"
_CLOSING = {"[": "]", "{": "}"}
_LONGEST_QUOTED = 40
_HASH = re.compile(r"(?:^|[\s,\[{])#")
_ONE_WORD = re.compile(r"[a-z_]+")
_LAST_WORD = re.compile(r"[^\s,\[\]{}]+\s*$")

IN_QUOTES = 'must be in quotes: write "…" around all of it'


class SyntaxMistake(NamedTuple):
    """What is wrong, and where to mend it."""

    message: str
    place: LineColumn


def mistake_of(text: str, error: MarkedYAMLError, *, may_scan: bool) -> SyntaxMistake | None:
    """The mistake behind a parser's error; None where it is none of the usual ones.

    `may_scan` is whether the text is short enough for the scanner in Python.
    """
    mark = error.problem_mark or error.context_mark
    if mark is None:
        return None
    begin = error.context_mark or mark
    case = _Case(
        text,
        source_lines(text),
        f"{error.context or ''}, {error.problem or ''}",
        LineColumn(mark.line + 1, mark.column + 1),
        LineColumn(begin.line + 1, begin.column + 1),
        may_scan=may_scan,
    )
    found = (look(case) for look in _LOOKS)
    return next((mistake for mistake in found if mistake), None)


def is_curly(text: str) -> bool:
    """Whether the text stands between quotes of a word processor, which YAML takes for letters."""
    return len(text) > 1 and text[0] in CURLY_QUOTES and text[-1] in CURLY_QUOTES


@dataclass(frozen=True, slots=True)
class _Case:
    """A text, what its parser said (`words`), where it stopped (`at`), and where what it was reading began."""

    text: str
    lines: Sequence[str]
    words: str
    at: LineColumn
    begin: LineColumn
    may_scan: bool

    def line(self, number: int) -> str:
        """The line of this number, from 1; empty behind the last one."""
        return self.lines[number - 1] if 0 < number <= len(self.lines) else ""

    @property
    def here(self) -> str:
        """The line in which the parser stopped."""
        return self.line(self.at.line)

    def above(self, number: int) -> Iterator[tuple[int, str]]:
        """The lines before this one, the nearest first, without blank lines and comments."""
        for each in range(number - 1, 0, -1):
            if not _BLANK.fullmatch(self.line(each)):
                yield each, self.line(each)


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip(" "))


def _spaces(count: int) -> str:
    return f"{count} space" if count == 1 else f"{count} spaces"


def _quoted(text: str) -> str:
    return plain(text.strip(), _LONGEST_QUOTED)


def _conflict(case: _Case) -> SyntaxMistake | None:
    for number, line in enumerate(case.lines, 1):
        if _CONFLICT.fullmatch(line):
            return SyntaxMistake(
                "is a mark of a merge conflict: resolve it, and take this line out", LineColumn(number, 1)
            )
    return None


def _tab(case: _Case) -> SyntaxMistake | None:
    blank = case.here[: len(case.here) - len(case.here.lstrip())]
    column = blank.find("\t") + 1
    if not column:
        return None
    return SyntaxMistake(
        "a tab stands here, and YAML takes only spaces: write spaces instead", LineColumn(case.at.line, column)
    )


def _odd_space(case: _Case) -> SyntaxMistake | None:
    """A character that looks like a space, where a space has a meaning: before a key, or behind its colon or dash."""
    odd = "".join(_ODD_SPACES)
    where = re.compile(rf"^[ -]*(?=[{odd}])|(?<=[:,-])(?=[{odd}])")
    near = (case.at.line, *(number for number, _ in case.above(case.at.line)))
    for number in near[:3]:
        if found := where.search(case.line(number)):
            name = _ODD_SPACES[case.line(number)[found.end()]]
            message = f"a {name} stands here, which looks like a space and is none: write a space instead"
            return SyntaxMistake(message, LineColumn(number, found.end() + 1))
    return None


def _quotes(case: _Case) -> SyntaxMistake | None:
    """A quote that is never closed, or closed by the next one some lines below."""
    if "quoted scalar" in case.words and "end of stream" in case.words:
        sign = case.line(case.begin.line)[case.begin.column - 1 : case.begin.column] or "quote"
        return SyntaxMistake(f"the {sign} that stands here is never closed: write it behind the text, too", case.begin)
    token = _quoted_before(case) if case.may_scan else None
    if token is None:
        return None
    begin, end = _ends(token)
    if begin.line == end.line:
        return None
    message = f"the {token.style} that stands here is closed only in line {end.line}: it is missing behind the text"
    return SyntaxMistake(message, begin)


def _behind_quotes(case: _Case) -> SyntaxMistake | None:
    """A text in quotes that ends before the value does."""
    token = _quoted_before(case) if case.may_scan else None
    if token is None:
        return None
    begin, end = _ends(token)
    twice = "an apostrophe within '…' is written twice" if token.style == "'" else 'a quote within "…" is written \\"'
    message = f"the text in quotes ends in column {end.column}, and more follows: put all of it in quotes; {twice}"
    return SyntaxMistake(message, begin)


def _ends(token: ScalarToken) -> tuple[LineColumn, LineColumn]:
    """Where the quotes of a text are."""
    first, last = token.start_mark, token.end_mark
    return LineColumn(first.line + 1, first.column + 1), LineColumn(last.line + 1, last.column)


def _quoted_before(case: _Case) -> ScalarToken | None:
    """The text in quotes right before the place where the parser stopped."""
    last = None
    try:
        for token in YAML(typ="safe", pure=True).scan(case.text):
            if (token.start_mark.line + 1, token.start_mark.column + 1) >= (case.at.line, case.at.column):
                break
            last = token
    except (YAMLError, ValueError, TypeError, LookupError, AttributeError, AssertionError, RecursionError):
        pass  # what stopped the parser stops the scanner, too
    is_near = isinstance(last, ScalarToken) and last.style in {"'", '"'} and last.end_mark.line + 1 == case.at.line
    return last if is_near else None


def _text_of_lines(case: _Case) -> SyntaxMistake | None:
    """Lines of text below a key that has neither | nor quotes."""
    depth, first = _indent(case.here), case.at.line
    for number, line in case.above(case.at.line):
        if _indent(line) >= depth:
            first = number
            continue
        key = _ENTRY.fullmatch(line)
        if (
            key
            and not key["value"]
            and not _ENTRY.fullmatch(case.line(first))
            and not case.line(first).lstrip().startswith("-")
        ):
            message = f"text below its key needs a | behind the colon, so that it is one text: {key['key']}: |"
            return SyntaxMistake(message, LineColumn(number, len(key["before"]) + 1))
        return None
    return None


def _template(case: _Case) -> SyntaxMistake | None:
    """A template that is taken for a map, because its { is the first character of a value."""
    for number in dict.fromkeys((case.at.line, case.begin.line)):
        found = _TEMPLATE.search(case.line(number))
        if found and LineColumn(number, found.start("mark") + 1) <= case.at:
            return SyntaxMistake(unquoted_template(found["mark"]), LineColumn(number, found.start("mark") + 1))
    return None


def unquoted_template(mark: str) -> str:
    """The message about a template without quotes."""
    return f"a text that begins with {mark} {IN_QUOTES}"


def _flow(case: _Case) -> SyntaxMistake | None:
    """A list in brackets or a map in braces that is not closed, or lacks a comma."""
    opened = case.line(case.begin.line)[case.begin.column - 1 : case.begin.column]
    if "expected ',' or" not in case.words or opened not in _CLOSING:
        return None
    closing = _CLOSING[opened]
    if case.begin.line < case.at.line:
        is_hidden = _HASH.search(case.line(case.begin.line)[case.begin.column :])
        why = (
            "behind # everything is a comment; put a text with # in quotes"
            if is_hidden
            else f"its {closing} is missing"
        )
        return SyntaxMistake(f"the {opened} that stands here is never closed: {why}", case.begin)
    found = case.here[case.at.column - 1 : case.at.column]
    began = f"the {opened} in column {case.begin.column}"
    if found in _CLOSING.values():
        return SyntaxMistake(f"what {began} began ends with {closing}: write it instead of {found}", case.at)
    word = _LAST_WORD.search(case.here[: case.at.column - 1]) if found == ":" else None
    place = LineColumn(case.at.line, word.start() + 1) if word else case.at
    return SyntaxMistake(f"a comma is missing before this, or the {closing} of {began}", place)


def _behind_brackets(case: _Case) -> SyntaxMistake | None:
    """A text that begins with a bracket, and so is taken for a list."""
    before = case.here[: case.at.column - 1].rstrip()
    entry = _ENTRY.fullmatch(case.here)
    value = (entry["value"] or "") if entry else ""
    if entry is None or "expected <block end>" not in case.words or not before.endswith(("]", "}")):
        return None
    extra = case.here[case.at.column - 1 : case.at.column]
    if extra in _CLOSING.values():
        return SyntaxMistake(f"this {extra} closes nothing: one is too many", case.at)
    if value[:1] not in _CLOSING:
        return None
    place = LineColumn(case.at.line, entry.start("value") + 1)
    return SyntaxMistake(f"a text that begins with {value[0]} {IN_QUOTES}", place)


def _indicator(case: _Case) -> SyntaxMistake | None:
    sign = case.here[case.at.column - 1 : case.at.column]
    if "cannot start any token" not in case.words or not sign or sign not in _INDICATORS:
        return None
    return SyntaxMistake(f"a text that begins with {sign} {IN_QUOTES}", case.at)


def _no_space(case: _Case) -> SyntaxMistake | None:
    """A key whose colon, or an entry whose dash, has no space behind it."""
    here = case.begin.line if "simple key" in case.words else case.at.line
    if found := _DASH.fullmatch(case.line(here)):
        return SyntaxMistake("a space is missing behind the -", LineColumn(here, _indent(case.line(here)) + 1))
    above = next(case.above(here), (0, ""))
    for number, line in ((here, case.line(here)), above):
        if (found := _NO_SPACE.fullmatch(line)) and not _ENTRY.fullmatch(line):
            place = LineColumn(number, len(found["before"]) + 1)
            return SyntaxMistake(f"a space is missing behind the colon of {_quoted(found['key'])}", place)
    return None


def _second_colon(case: _Case) -> SyntaxMistake | None:
    """A text with a colon, or two keys in one line."""
    entry = _ENTRY.fullmatch(case.here)
    if "mapping values are not allowed" not in case.words or entry is None or not entry["value"]:
        return None
    inner = case.here[entry.start("value") : case.at.column - 1].strip()
    if not inner:
        return None
    place = LineColumn(case.at.line, entry.start("value") + 1)
    if _ONE_WORD.fullmatch(inner):
        message = "two keys stand in one line: write this one and its value in braces, or in a line of their own below"
        return SyntaxMistake(f"{message}; one text with a colon {IN_QUOTES}", place)
    return SyntaxMistake(f"a text with a colon and a space in it {IN_QUOTES}", place)


def _deeper(case: _Case) -> SyntaxMistake | None:
    """A line that is indented below one that has its value already."""
    number, line = next(case.above(case.at.line), (0, ""))
    entry = _ENTRY.fullmatch(line)
    if entry is None or not entry["value"] or case.at.line == number:
        return None
    own, its = _indent(case.here), len(entry["before"])
    if own <= its:
        return None
    above = f"{_quoted(entry['key'])} in line {number} ({_spaces(its)}), which has a value"
    message = f"is indented by {_spaces(own)}, deeper than {above}: one of the two lines has the wrong indentation"
    return SyntaxMistake(message, LineColumn(case.at.line, own + 1))


def _depth(case: _Case) -> SyntaxMistake | None:
    """A line whose indentation is that of no line above it."""
    if not re.search(r"expected <block end>|did not find expected (?:key|'-')", case.words):
        return None
    own, is_entry = _indent(case.here), case.here.lstrip().startswith("- ")
    levels = dict(_levels(case, is_entry=is_entry))
    place = LineColumn(case.at.line, own + 1)
    if own in levels:
        if is_entry or "collection" not in case.words:
            return None
        message = f"stands beside entries that begin with - (line {levels[own]}): begin all of them with -, or none"
        return SyntaxMistake(message, place)
    near = [*sorted(each for each in levels if each < own)[-1:], *sorted(each for each in levels if each > own)[:1]]
    if not near:
        return None
    fits = " or ".join(map(str, near))
    where = " and ".join(map(str, sorted({levels[each] for each in near})))
    lines = f"line {where}" if where.isdigit() else f"lines {where}"
    return SyntaxMistake(f"is indented by {_spaces(own)}, as no line above it: write {fits} (see {lines})", place)


def _levels(case: _Case, *, is_entry: bool) -> Iterator[tuple[int, int]]:
    """Each indentation that is open above the place, with its nearest line, the deepest first."""
    least = len(case.here) + 10_000
    for number, line in case.above(case.at.line):
        depth, dashed = _indent(line), line.lstrip().startswith("- ")
        if dashed and not is_entry and depth + 2 < least:
            yield depth + 2, number
        if depth < least and (dashed or not is_entry):
            yield depth, number
        least = min(least, depth)
        if not depth:
            return


def _no_colon(case: _Case) -> SyntaxMistake | None:
    if "could not find expected ':'" not in case.words:
        return None
    first = case.line(case.begin.line)[case.begin.column - 1 : case.begin.column]
    if first in _CLOSING:
        return SyntaxMistake(
            f"the {first} that stands here is never closed: its {_CLOSING[first]} is missing", case.begin
        )
    return SyntaxMistake("is no key with a value: write key: value, with a colon and a space", case.begin)


def _escape(case: _Case) -> SyntaxMistake | None:
    if "escape" not in case.words:
        return None
    return SyntaxMistake(
        r"a \ within double quotes begins an escape: write single quotes, '…', or \\ for each one", case.at
    )


_LOOKS: tuple[Callable[[_Case], SyntaxMistake | None], ...] = (
    _conflict,
    _tab,
    _odd_space,
    _quotes,
    _no_space,
    _text_of_lines,
    _template,
    _behind_quotes,
    _flow,
    _behind_brackets,
    _indicator,
    _second_colon,
    _deeper,
    _depth,
    _no_colon,
    _escape,
)
"""In this order: the first that knows the mistake is right."""
