"""Lines for whoever reads them: within the width of a terminal, and as they are where a program reads them."""

import re
from collections.abc import Iterator
from shutil import get_terminal_size
from typing import TextIO

_UNBROKEN = re.compile(r"(?:\{[^{}]*\}+|\{%[^%]*%\}|'[^' ]*(?: [^' ]+){0,3}'|\[[^\[\]]{0,60}\]|\S)+")
"""What stays in one line: words, and what a person may want to copy as a whole."""
_INDENT = "    "


def for_reader(line: str, stream: TextIO) -> str:
    """A line as it is printed: on a terminal broken between words, otherwise as it is."""
    return "\n".join(filled(line, get_terminal_size().columns)) if stream.isatty() else line


def filled(line: str, width: int) -> Iterator[str]:
    """The line in lines of at most `width` columns, all but the first indented.

    It is broken between words only, so a word that is longer has a line of its own.
    """
    if len(line) <= width:
        yield line
        return
    begun = ""
    for word in _UNBROKEN.findall(line):
        longer = f"{begun} {word}" if begun.strip() else f"{begun}{word}"
        if len(longer) > width and begun.strip():
            yield begun
            longer = f"{_INDENT}{word}"
        begun = longer
    yield begun


def plural(count: int, word: str) -> str:
    """`1 case`, `2 cases`."""
    return f"{count} {word}" if count == 1 else f"{count} {word}s"
