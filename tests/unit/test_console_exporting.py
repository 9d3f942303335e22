"""Lists as files: nothing but their columns, nothing that a spreadsheet calculates, and no more than the bound."""

import csv
import io
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest

from console.exporting import ListExport, Row, csv_lines, json_lines

NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)
WHAT = ListExport("parked", ("name", "at", "count", "tickets"), "--district lakeside")


async def rows(*given: Row) -> AsyncIterator[Row]:
    for row in given:
        yield row


async def csv_of(*given: Row, most: int = 100) -> list[list[str]]:
    text = "".join([line async for line in csv_lines(WHAT, rows(*given), NOW, most)])
    return list(csv.reader(io.StringIO(text, newline="")))


async def json_of(*given: Row, most: int = 100) -> dict[str, Any]:
    found: dict[str, Any] = json.loads("".join([line async for line in json_lines(WHAT, rows(*given), NOW, most)]))
    return found


async def test_only_the_columns_leave() -> None:
    row = {"name": "a", "at": NOW, "count": 3, "tickets": ["SEC-1", "SEC-2"], "words": "ZZPII"}
    assert await csv_of(row) == [list(WHAT.columns), ["a", "2026-11-29T12:00:00+00:00", "3", "SEC-1; SEC-2"]]
    (only,) = (await json_of(row))["rows"]
    assert only == {"name": "a", "at": "2026-11-29T12:00:00+00:00", "count": 3, "tickets": ["SEC-1", "SEC-2"]}


@pytest.mark.parametrize("begin", ["=", "+", "-", "@", "\t=", "\r="])
async def test_no_cell_is_a_formula(begin: str) -> None:
    (_, row) = await csv_of({"name": f"{begin}1+1", "tickets": [f"{begin}1+1"]})
    assert not any(cell.startswith(("=", "+", "-", "@", "\t", "\r")) for cell in row)


async def test_a_missing_value_is_an_empty_cell_and_a_null() -> None:
    assert (await csv_of({"name": "a", "at": None}))[1] == ["a", "", "", ""]
    assert (await json_of({"name": "a"}))["rows"] == [{"name": "a", "at": None, "count": None, "tickets": None}]


async def test_a_file_that_is_cut_says_so() -> None:
    many = [{"name": str(number)} for number in range(4)]
    assert [row[0] for row in await csv_of(*many, most=3)][-1] == "cut after 3 rows: take fewer with a filter"
    assert [row[0] for row in await csv_of(*many, most=4)][-1] == "3"
    found = await json_of(*many, most=3)
    assert (found["cut"], len(found["rows"])) == (True, 3)
    assert (await json_of(*many, most=4))["cut"] is False


async def test_an_empty_list_is_a_whole_file() -> None:
    assert await csv_of() == [list(WHAT.columns)]
    assert await json_of() == {
        "list": "parked",
        "choice": "--district lakeside",
        "at": "2026-11-29T12:00:00+00:00",
        "rows": [],
        "cut": False,
    }
