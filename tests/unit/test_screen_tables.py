"""Tables on a screen: whole where they have room, told in lines where they have none, and never cut in a pipe."""

import io
import sys
from collections.abc import Callable

import pytest

from remedy.screen_tables import TextTable, print_table
from tests.stand_ins import Terminal

REF = "lakeside:finding:fnd_9e7378bb75"
TABLE = TextTable(
    ("case", "state", "", "what it said"),
    [(REF, "parked", "now", "priority cannot be set, as it is on no screen"), ("", "at rest", "", "")],
    prose=frozenset({"what it said"}),
)


@pytest.fixture
def printed(monkeypatch: pytest.MonkeyPatch) -> Callable[[io.StringIO, int], list[str]]:
    def lines(stream: io.StringIO, columns: int) -> list[str]:
        monkeypatch.setenv("COLUMNS", str(columns))
        monkeypatch.setenv("TERM", "dumb")
        monkeypatch.setattr(sys, "stdout", stream)
        print_table(TABLE)
        return stream.getvalue().splitlines()

    return lines


def test_a_narrow_terminal_shows_rows_in_lines_with_the_name_alone(printed: Callable[..., list[str]]) -> None:
    assert printed(Terminal(), 60) == [
        REF,
        "    state: parked   now",
        "    what it said: priority cannot be set, as it is on no",
        "        screen",
        "    state: at rest",
    ]


def test_a_wide_terminal_shows_a_table_whose_sentences_alone_are_folded(printed: Callable[..., list[str]]) -> None:
    lines = printed(Terminal(), 90)
    assert any(REF in line and "parked" in line for line in lines)
    assert max(map(len, lines)) <= 90
    assert any("screen" in line and "priority" not in line for line in lines)


def test_a_wide_terminal_has_every_cell_whole_also_where_it_calls_itself_dumb(
    printed: Callable[..., list[str]],
) -> None:
    (row,) = (line for line in printed(Terminal(), 150) if REF in line)
    assert [cell.strip() for cell in row.strip("│").split("│")] == list(TABLE.rows[0])


def test_in_a_pipe_each_row_is_one_line_however_wide(printed: Callable[..., list[str]]) -> None:
    (row,) = (line for line in printed(io.StringIO(), 40) if REF in line)
    assert "priority cannot be set, as it is on no screen" in row
