"""Where a report about cases goes, and in which form: a screen, CSV, a page of HTML, or lines of JSON."""

import contextlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

import click

from remediation.read_model.case_reports.tables import ColumnKind, ReportTable, Row
from remedy.reports.output import STANDARD_OUTPUT, opened_file
from remedy.screen_lines import print_line
from remedy.screen_tables import TextTable, print_table

_MOST_ON_SCREEN = 500


class ReportForm(StrEnum):
    """The form of a report."""

    TEXT = "text"
    CSV = "csv"
    HTML = "html"
    JSON = "json"


@dataclass(slots=True)
class ReportWriter:
    """Takes the rows of one report as they come, and its end."""

    table: ReportTable
    form: ReportForm
    write: Any
    _shown: list[Row] = field(default_factory=list)
    _count: int = 0

    def begin(self, about: Mapping[str, str]) -> None:
        """The head; `about` says what the report covers."""
        match self.form:
            case ReportForm.CSV:
                self._say(self.table.csv_head())
            case ReportForm.HTML:
                self._say(self.table.html_head(about))
            case ReportForm.TEXT | ReportForm.JSON:
                pass

    def add(self, rows: Iterable[Row]) -> None:
        """Some more rows."""
        for row in rows:
            self._count += 1
            match self.form:
                case ReportForm.CSV:
                    self._say(self.table.csv_line(row))
                case ReportForm.HTML:
                    self._say(self.table.html_row(row))
                case ReportForm.JSON:
                    self._say(f"{json.dumps(self.table.json_row(row))}\n")
                case ReportForm.TEXT:
                    if len(self._shown) < _MOST_ON_SCREEN:
                        self._shown.append(row)

    def end(self, summary: Mapping[str, Any], lines: Iterable[str], notes: tuple[str, ...]) -> None:
        """The end: what the rows come to, and what is not in them."""
        match self.form:
            case ReportForm.HTML:
                self._say(self.table.html_foot(lines, notes))
            case ReportForm.JSON:
                self._say(f"{json.dumps({'summary': dict(summary), 'not_included': list(notes)})}\n")
            case ReportForm.TEXT:
                self._show(lines)
            case ReportForm.CSV:
                pass

    def _show(self, lines: Iterable[str]) -> None:
        if self._shown:
            headings = [column.heading for column in self.table.columns]
            prose = {column.heading for column in self.table.columns if column.kind is ColumnKind.TEXT}
            rows = [self.table.words(row) for row in self._shown]
            print_table(TextTable(headings, rows, prose=frozenset(prose - {headings[0]})))
        if self._count > len(self._shown):
            print_line(f"{self._count - len(self._shown):,} more rows: --format csv has all of them")
        for line in lines:
            print_line(line)

    def _say(self, text: str) -> None:
        self.write(text.encode())


@contextlib.contextmanager
def open_report(table: ReportTable, form: ReportForm, output: Path, *, replaces: bool) -> Iterator[ReportWriter]:
    """A writer to that file, which appears once all is written, or to standard output. Raises as `opened_file` does."""
    if output == STANDARD_OUTPUT:
        yield ReportWriter(table, form, lambda piece: click.echo(piece, nl=False))
        return
    with opened_file(output, replaces=replaces) as file:
        yield ReportWriter(table, form, file.write)
        file.keep()
