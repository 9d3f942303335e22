"""A list as a file, CSV or JSON: what the page shows, row by row, as much as its filter takes and a bound allows."""

import json
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from console.answers import PageRefused
from console.context import context_of, person_of
from remediation.read_model.audit import csv_row
from remediation.store.audit.entries import AuditAct

MOST_ROWS = 10_000
"""Rows of one file. What has more is cut there, and says so."""

_ROWS_AT_ONCE = 100
"""Rows that are sent together."""

Row = Mapping[str, Any]
"""One row by its columns: texts, numbers, truth values, times, None, or lists of texts."""


class ExportForm(StrEnum):
    """What a list can be taken away as."""

    CSV = "csv"
    JSON = "json"


@dataclass(frozen=True, slots=True)
class ListExport:
    """What is taken away: the list's `name` (small letters and -), its `columns`, and the filter's words for the audit.

    Nothing leaves but the columns, whatever a row has besides. `count` is how many rows there will be, where that is
    known before.
    """

    name: str
    columns: tuple[str, ...]
    choice: str = ""
    count: int | None = None


async def exported(request: Request, what: ListExport, rows: AsyncIterator[Row], form: str) -> Response:
    """The rows as a file, sent as they are read. The audit has a line of it before the first byte.

    Raises PageRefused where the form is none of ExportForm, and StoreUnavailable.
    """
    if form not in set(ExportForm):
        raise PageRefused("A list can be taken away as csv or json.")
    context, chosen = context_of(request), ExportForm(form)
    words = " ".join(filter(None, (what.name, chosen, what.choice)))
    audit = context.audit
    await audit.note(audit.entry(AuditAct.EXPORTED, person_of(request).name, choice=words, count=what.count))
    now = datetime.fromtimestamp(context.clock(), tz=UTC)
    lines = _LINES[chosen](what, rows, now)
    first = await anext(lines)  # what fails before the first byte gets a page that says so
    return StreamingResponse(_sent(first, lines), headers=_headers(what, chosen, now))


def _headers(what: ListExport, form: ExportForm, now: datetime) -> dict[str, str]:
    kind = "text/csv; charset=utf-8; header=present" if form is ExportForm.CSV else "application/json"
    file = f"remedy-{what.name}-{now:%Y%m%dT%H%M%SZ}.{form}"
    return {"Content-Type": kind, "Content-Disposition": f'attachment; filename="{file}"', "Cache-Control": "no-store"}


async def _sent(first: str, lines: AsyncIterator[str]) -> AsyncIterator[bytes]:
    waiting = [first]
    async for line in lines:
        waiting.append(line)
        if len(waiting) >= _ROWS_AT_ONCE:
            yield "".join(waiting).encode()
            waiting = []
    yield "".join(waiting).encode()


async def csv_lines(
    what: ListExport, rows: AsyncIterator[Row], _now: datetime, most: int = MOST_ROWS
) -> AsyncIterator[str]:
    """The file as lines of CSV (RFC 4180): the columns, the rows, and where there are more, a row that says so."""
    yield _csv(what.columns)
    count = 0
    async for row in rows:
        if count >= most:
            yield _csv([f"cut after {most:,} rows: take fewer with a filter"])
            return
        yield _csv([_cell(row.get(name)) for name in what.columns])
        count += 1


async def json_lines(
    what: ListExport, rows: AsyncIterator[Row], now: datetime, most: int = MOST_ROWS
) -> AsyncIterator[str]:
    """The file as one JSON object, a row a line: `list`, `choice`, `at`, `rows`, and `cut` where there are more."""
    head = {"list": what.name, "choice": what.choice, "at": now.isoformat(timespec="seconds")}
    yield f'{json.dumps(head)[:-1]}, "rows": ['
    count, is_cut = 0, False
    async for row in rows:
        if count >= most:
            is_cut = True
            break
        yield f"{',' if count else ''}\n{json.dumps({name: _plain(row.get(name)) for name in what.columns})}"
        count += 1
    yield f'\n], "cut": {json.dumps(is_cut)}}}\n'


_LINES: Mapping[ExportForm, Callable[[ListExport, AsyncIterator[Row], datetime], AsyncIterator[str]]] = {
    ExportForm.CSV: csv_lines,
    ExportForm.JSON: json_lines,
}


def _csv(cells: Sequence[object]) -> str:
    return f"{csv_row(cells)}\r\n"


def _cell(value: Any) -> object:
    """A value as a cell. A list of texts is joined; a text that a spreadsheet would calculate is escaped by csv_row."""
    if isinstance(value, list | tuple):
        return "; ".join(map(str, value))
    plain = _plain(value)
    return "" if plain is None else plain


def _plain(value: Any) -> Any:
    return value.isoformat(timespec="seconds") if isinstance(value, datetime) else value
