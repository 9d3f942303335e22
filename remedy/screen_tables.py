"""Tables for whoever reads them: within the width of a terminal, and never cut where a program reads them."""

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from remediation.redaction import terminal
from remedy.screen_lines import filled, print_line, terminal_width

_UNLIMITED = 10_000
"""Columns where no terminal limits them: a table takes as many as its cells need."""

_HEIGHT = 25
"""Of no use to a table; without it a terminal that calls itself dumb is taken for one of 80 columns."""

_NARROWEST_PROSE = 30
"""Columns that a sentence needs to be readable when it is folded."""

_BORDER = 3
_INDENT = "    "
_BETWEEN = "   "


@dataclass(frozen=True, slots=True)
class TextTable:
    """A table of texts. `name` is the heading of the column that a person copies from: its cells are never folded.

    The columns of `prose` hold sentences, which may be folded. `sections` are the numbers of the rows behind which a
    rule is drawn. In a row that goes on about the one before, the cell of `name` is empty.
    """

    headings: Sequence[str]
    rows: Sequence[Sequence[str]]
    name: str = ""
    prose: frozenset[str] = frozenset()
    title: str | None = None
    sections: frozenset[int] = frozenset()


def print_table(table: TextTable, *, err: bool = False) -> None:
    """Print the table to standard output (`err`: to standard error).

    On a terminal in which it has no room, each row is told in lines instead, the first of which is its name alone.
    """
    width = terminal_width(sys.stderr if err else sys.stdout) or _UNLIMITED
    rows = [[terminal(cell) for cell in row] for row in table.rows]
    shown = replace(table, rows=rows, name=table.name or table.headings[0])
    if _least_width(shown) <= width:
        Console(width=width, height=_HEIGHT, stderr=err).print(_drawn(shown))
        return
    for line in record_lines(shown, width):
        print_line(line, err=err)


def _least_width(table: TextTable) -> int:
    """The columns that the table needs, its sentences folded."""
    widths = []
    for number, heading in enumerate(table.headings):
        widest = max(cell_len(text) for text in (heading, *(row[number] for row in table.rows)))
        widths.append(min(widest, max(_NARROWEST_PROSE, cell_len(heading))) if heading in table.prose else widest)
    return sum(widths) + _BORDER * len(widths) + 1


def _drawn(table: TextTable) -> Table:
    drawn = Table(title=table.title)
    for heading in table.headings:
        drawn.add_column(heading, no_wrap=heading not in table.prose, overflow="fold")
    for number, row in enumerate(table.rows):
        drawn.add_row(*map(Text, row), end_section=number in table.sections)
    return drawn


def record_lines(table: TextTable, width: int) -> Iterator[str]:
    """Each row in lines of at most `width` columns: its name, and below it what else it says, under its headings."""
    if table.title:
        yield table.title
    named = table.headings.index(table.name)
    for row in table.rows:
        if row[named]:
            yield row[named]
        told = [
            f"{heading}: {cell}" if heading else cell
            for number, (heading, cell) in enumerate(zip(table.headings, row, strict=True))
            if cell and number != named
        ]
        yield from _packed(told, width)


def _packed(told: Sequence[str], width: int) -> Iterator[str]:
    """As many of these in a line as have room; one that is longer than a line is filled in."""
    begun = ""
    for each in told:
        longer = f"{begun}{_BETWEEN}{each}" if begun else f"{_INDENT}{each}"
        if len(longer) > width and begun:
            yield begun
            longer = f"{_INDENT}{each}"
        begun = longer
        if len(begun) > width:
            *whole, begun = filled(begun, width, 2 * len(_INDENT))
            yield from whole
    if begun:
        yield begun
