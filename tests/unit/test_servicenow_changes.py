import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from remediation.domain.tickets import TicketChange
from remediation.trackers.servicenow.changes import PAGE_SIZE, Position, advanced, changes_of, position_of
from sandbox.servicenow.queries import Row, query_of

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
COLUMNS = frozenset({"sys_id", "sys_updated_on", "correlation_display"})


def row(number: int, updated: str, display: str = "remedy") -> Row:
    return {
        "sys_id": f"{number:032x}",
        "sys_updated_on": updated,
        "correlation_display": display,
        "correlation_id": "m",
    }


def test_without_a_cursor_the_list_starts_five_minutes_ago() -> None:
    assert position_of(None, NOW) == Position("2026-03-01 11:55:00")


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "{}",
        "[]",
        "x",
        '"x"',
        '{"since":"2026-03-01 11:00:00^ORDERBYnumber"}',
        '{"since":"2026-03-01 11:00:00","after":"1^sys_id!="}',
        '{"since":"2026-03-01 11:00:00","offset":-1}',
        '{"since":"2026-03-01 11:00:00","offset":true}',
        '{"since":"2026-03-01 11:00:00","floor":"^"}',
        '{"since":"2026-3-1 11:00:00"}',
        '{"since":null}',
        '{"since":"2026-03-01 11:00:00","more":1}',
    ],
)
def test_a_cursor_that_is_none_of_ours_starts_anew(cursor: str) -> None:
    assert position_of(cursor, NOW) == position_of(None, NOW)


@given(st.datetimes(min_value=datetime(2000, 1, 1)), st.booleans(), st.integers(0, 10_000))  # noqa: DTZ001 - hypothesis takes naive bounds
def test_a_cursor_reads_back_as_its_position(since: datetime, in_walk: bool, offset: int) -> None:  # noqa: FBT001 - hypothesis fills it
    text = since.strftime("%Y-%m-%d %H:%M:%S")
    position = Position(text, "a" * 32, offset, text) if in_walk else Position(text)
    assert position_of(position.cursor, NOW) == position


def test_a_cursor_is_small_json() -> None:
    assert json.loads(Position("2026-03-01 11:00:00").cursor)["since"] == "2026-03-01 11:00:00"
    assert len(Position("2026-03-01 11:00:00", "a" * 32, 100, "2026-03-01 11:00:00").cursor) < 200


def test_a_finished_walk_begins_again_a_minute_before_it_was_begun() -> None:
    position = advanced(position_of(None, NOW), [row(1, "2026-03-01 11:59:59")], more=False, served_at=NOW)
    assert position == Position("2026-03-01 11:59:00")


def test_a_walk_that_showed_nothing_moves_nowhere() -> None:
    position = Position("2026-03-01 11:59:00")
    assert advanced(position, [], more=False, served_at=NOW + timedelta(hours=1)) == position


def test_a_walk_that_goes_on_continues_behind_its_last_row_and_keeps_where_it_was_begun() -> None:
    first = advanced(position_of(None, NOW), [row(1, "2026-03-01 11:59:59")], more=True, served_at=NOW)
    assert first == Position("2026-03-01 11:59:59", f"{1:032x}", 0, "2026-03-01 11:59:00")
    last = advanced(first, [], more=False, served_at=NOW + timedelta(hours=1))
    assert last == Position("2026-03-01 11:59:00")


@pytest.mark.parametrize("rows", [[], [{"sys_id": "", "sys_updated_on": ""}], [{"sys_id": "a" * 32}]])
def test_a_page_on_which_nothing_can_be_seen_is_passed_by_offset(rows: list[Row]) -> None:
    start = Position("2026-03-01 11:00:00", "b" * 32, 0, "2026-03-01 10:59:00")
    once = advanced(start, rows, more=True, served_at=NOW)
    twice = advanced(once, rows, more=True, served_at=NOW)
    assert (once.offset, twice.offset, twice.since, twice.after) == (PAGE_SIZE, 2 * PAGE_SIZE, start.since, start.after)


@given(
    st.lists(st.tuples(st.integers(0, 9), st.sampled_from(["remedy", "other"])), max_size=60),
    st.integers(1, 7),
)
def test_a_walk_sees_every_row_once_and_in_order(rows: list[tuple[int, str]], size: int) -> None:
    table = [row(number, f"2026-03-01 11:59:0{second}", who) for number, (second, who) in enumerate(rows)]
    position, seen, more = position_of(None, NOW), [], True
    while more:
        taken = query_of(position.query, COLUMNS).select(table)[position.offset :]
        more = len(taken) > size
        seen += taken[:size]
        position = advanced(position, taken[:size], more=more, served_at=NOW)
    ours = [each for each in table if each["correlation_display"] == "remedy"]
    assert seen == sorted(ours, key=lambda each: (each["sys_updated_on"], each["sys_id"]))


def test_rows_that_are_not_ours_are_no_changes_of_ours() -> None:
    rows = [row(1, "x"), row(2, "x", "other"), {"sys_id": "?", "correlation_display": "remedy"}]
    assert changes_of("incident", rows) == (TicketChange(f"incident/{1:032x}", "m"),)
