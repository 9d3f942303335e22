"""Lines for whoever reads them: within the width of a terminal, and as they are where a program reads them."""

import re
import sys
from collections.abc import Iterator
from shutil import get_terminal_size
from typing import TextIO

import click

from remediation.redaction import terminal

_COMMAND = (
    r"remedy(?: [a-z][a-z-]*){1,2}"
    r"(?: --[a-z][a-z-]*(?:[ =][^\s;,()-][^\s;,()]*)?| [A-Z]{2,}(?![a-z])| [^\s;,()]*[\d:/*@=.][^\s;,()]*)*"
)
_MOMENT = r"\d{4}-\d{2}-\d{2} \d{2}:\d{2}(?::\d{2})?(?: UTC)?"
_UNBROKEN = re.compile(
    rf"( *)((?:{_COMMAND}|{_MOMENT}|\{{[^{{}}]*\}}+|\{{%[^%]*%\}}|'[^' ]*(?: [^' ]+){{0,3}}'|\[[^\[\]]{{0,60}}\]|\S)+)"
)
"""The blanks before, and what stays in one line: words, and what a person may want to copy as a whole."""

_FIRST_COLUMN = re.compile(r" *\S+(?: \S+)* {2,}(?=\S)")
"""The first of several columns of a line: what follows begins behind two blanks or more."""

_INDENT = 4


def print_line(line: str = "", *, err: bool = False) -> None:
    """Print a line to standard output (`err`: to standard error) for whoever reads it, without control characters."""
    click.echo(for_reader(terminal(line), sys.stderr if err else sys.stdout), err=err)


def print_lines(text: str) -> None:
    """Print each line of a text to standard output, as `print_line` does."""
    for line in text.split("\n"):
        print_line(line)


def terminal_width(stream: TextIO | None = None) -> int | None:
    """How many columns a line on this stream may have, or on standard output; None where that is no terminal."""
    return get_terminal_size().columns if (stream or sys.stdout).isatty() else None


def for_reader(line: str, stream: TextIO) -> str:
    """A line as it is printed: on a terminal broken between words, otherwise as it is."""
    width = terminal_width(stream)
    return line if width is None else "\n".join(filled(line, width))


def filled(line: str, width: int, hang: int | None = None) -> Iterator[str]:
    """The line in lines of at most `width` columns, all but the first indented (by `hang` columns where it is given).

    It is broken between words only. A word that is longer, as a name or a command may be, has a line of its own.
    """
    if len(line) <= width:
        yield line
        return
    indent = " " * (_hang_of(line, width) if hang is None else hang)
    begun = ""
    for blanks, word in _UNBROKEN.findall(line):
        longer = f"{begun}{blanks}{word}"
        if len(longer) > width and begun.strip():
            yield begun
            longer = f"{indent if len(indent) + len(word) <= width else ' ' * _INDENT}{word}"
        begun = longer
    yield begun


def _hang_of(line: str, width: int) -> int:
    """Where the second column of the line begins; a usual indent where it has none, or a wide first one."""
    column = _FIRST_COLUMN.match(line)
    if column is not None and column.end() <= width // 3:
        return column.end()
    return len(line) - len(line.lstrip(" ")) + _INDENT


def coloured(text: str, colour: str) -> str:
    """The text in a colour, unless NO_COLOR is set (https://no-color.org). `click.echo` shows it on a terminal only."""
    from remediation.settings import environ_itself  # noqa: PLC0415 - --help needs none of what that loads

    return text if environ_itself().get("NO_COLOR") else click.style(text, fg=colour)
