"""Tables for whoever reads them: folded to the width of a terminal, and never cut where a program reads them."""

import sys

from rich.console import Console
from rich.table import Table

_UNLIMITED = 10_000
"""Columns where no terminal limits them: a table takes as many as its cells need."""


def print_table(table: Table) -> None:
    """Print a table to standard output. On a terminal its cells are folded to its width, and elsewhere never."""
    Console(width=None if sys.stdout.isatty() else _UNLIMITED).print(table)
