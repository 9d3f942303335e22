"""A report as a table: its columns and how a value of each is written for people, for spreadsheets and for programs."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from html import escape
from typing import Any

from remediation.read_model.audit import csv_row
from remediation.read_model.cases.words import time_words
from remediation.read_model.wording import long_span_words
from remediation.redaction import plain
from remediation.store.cases.entries import moment

Value = str | int | float | None
Row = Sequence[Value]

_LONGEST_CELL = 2_000


class ColumnKind(StrEnum):
    """What the values of a column are."""

    TEXT = "text"
    COUNT = "count"
    TIME = "time"
    """Unix seconds."""
    SPAN = "span"
    """Seconds."""


@dataclass(frozen=True, slots=True)
class ReportColumn:
    """A column: its name for programs, its heading for people, and what its values are."""

    name: str
    heading: str
    kind: ColumnKind = ColumnKind.TEXT

    def words(self, value: Value) -> str:
        """A value for people; empty for None."""
        match value:
            case None:
                return ""
            case int() | float() if self.kind is ColumnKind.TIME:
                return time_words(value)
            case int() | float() if self.kind is ColumnKind.SPAN:
                return long_span_words(value)
            case int():
                return f"{value:,}"
            case _:
                return plain(str(value), _LONGEST_CELL)

    def data(self, value: Value) -> Value:
        """A value for programs and spreadsheets: times in ISO 8601, spans in whole seconds."""
        match value:
            case int() | float() if self.kind is ColumnKind.TIME:
                return moment(value).isoformat(timespec="seconds")
            case int() | float() if self.kind is ColumnKind.SPAN:
                return round(value)
            case _:
                return value


@dataclass(frozen=True, slots=True)
class ReportTable:
    """What a report is called, what it is about, and its columns. The first one is the heading of each row."""

    title: str
    caption: str
    columns: tuple[ReportColumn, ...]

    def csv_head(self) -> str:
        """The first line of a CSV file (RFC 4180)."""
        return f"{csv_row([each.name for each in self.columns])}\r\n"

    def csv_line(self, row: Row) -> str:
        """A row of a CSV file. A text that a spreadsheet would calculate begins with a quote."""
        cells = (column.data(value) for column, value in zip(self.columns, row, strict=True))
        return f"{csv_row('' if cell is None else cell for cell in cells)}\r\n"

    def json_row(self, row: Row) -> dict[str, Any]:
        """A row as an object for programs."""
        return {column.name: column.data(value) for column, value in zip(self.columns, row, strict=True)}

    def words(self, row: Row) -> list[str]:
        """A row for people."""
        return [column.words(value) for column, value in zip(self.columns, row, strict=True)]

    def html_head(self, about: Mapping[str, str]) -> str:
        """The beginning of a page that needs nothing from elsewhere. `about` says what it covers, and as of when."""
        facts = "".join(f"<dt>{escape(name)}</dt><dd>{escape(words)}</dd>" for name, words in about.items())
        headings = "".join(f'<th scope="col">{escape(each.heading)}</th>' for each in self.columns)
        return (
            f'<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<title>{escape(self.title)}</title>\n'
            '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
            f"<style>{_STYLE}</style>\n</head>\n<body>\n<main>\n<h1>{escape(self.title)}</h1>\n<dl>{facts}</dl>\n"
            f'<div class="wide" role="region" aria-label="{escape(self.title)}" tabindex="0">\n'
            f"<table>\n<caption>{escape(self.caption)}</caption>\n<thead><tr>{headings}</tr></thead>\n<tbody>\n"
        )

    def html_row(self, row: Row) -> str:
        """A row of the page's table."""
        first, *rest = zip(self.columns, self.words(row), strict=True)
        cells = "".join(f"<td{_CLASSES[column.kind]}>{escape(words)}</td>" for column, words in rest)
        return f'<tr><th scope="row">{escape(first[1])}</th>{cells}</tr>\n'

    def html_foot(self, summary: Iterable[str], notes: Iterable[str]) -> str:
        """The end of the page: what the rows come to, and what is not in them."""
        parts = (("Summary", summary), ("What is not in this report", notes))
        lists = "".join(
            f"<h2>{heading}</h2>\n<ul>{''.join(f'<li>{escape(line)}</li>' for line in lines)}</ul>\n"
            for heading, lines in parts
        )
        return f"</tbody>\n</table>\n</div>\n{lists}</main>\n</body>\n</html>\n"


_CLASSES: Mapping[ColumnKind, str] = {
    ColumnKind.TEXT: "",
    ColumnKind.TIME: ' class="time"',
    ColumnKind.COUNT: ' class="number"',
    ColumnKind.SPAN: ' class="number"',
}

_STYLE = (
    "body{font:1rem/1.45 system-ui,sans-serif;margin:2rem;color:#1a1a1a;background:#fff}"
    "h1{font-size:1.5rem}h2{font-size:1.15rem}dl{display:grid;grid-template-columns:max-content 1fr;gap:.2rem 1rem}"
    "dt{font-weight:600}dd{margin:0}.wide{overflow-x:auto}.wide:focus{outline:2px solid #1a4fa3}"
    "table{border-collapse:collapse}caption{text-align:left;padding:.4rem 0;font-weight:600}"
    "th,td{border:1px solid #767676;padding:.3rem .5rem;text-align:left;vertical-align:top;overflow-wrap:anywhere}"
    "thead th{background:#eee}.number{text-align:right;font-variant-numeric:tabular-nums}.time{white-space:nowrap}"
    "@media print{body{margin:0;font-size:9pt}.wide{overflow:visible}thead{display:table-header-group}"
    "tr{break-inside:avoid}@page{size:landscape;margin:12mm}}"
)
"""Black on white, with contrasts of at least 4.5 to 1; a printed page repeats the headings of its columns."""
