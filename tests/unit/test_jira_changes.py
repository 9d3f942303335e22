from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from remediation.domain.tickets import TicketChange
from remediation.trackers.jira.answers import Found, SearchPage
from remediation.trackers.jira.changes import (
    PAGE_OVERLAP,
    Cursor,
    changes_in,
    cursor_from,
    jql_for_mark,
    listing,
    quoted,
    restarted,
)

NOW = datetime(2026, 11, 21, 18, 3, 20, tzinfo=UTC)
OVERLAP = timedelta(minutes=2)


def page(count: int, **more: object) -> SearchPage:
    return SearchPage.model_validate({"issues": [{"id": str(number)} for number in range(count)], **more})


@pytest.mark.parametrize(
    ("text", "jql"), [("a", '"a"'), ('a"b', '"a\\"b"'), ("a\\", '"a\\\\"'), ('\\"', '"\\\\\\""'), ("", '""')]
)
def test_a_text_cannot_end_its_quotation(text: str, jql: str) -> None:
    assert quoted(text) == jql


def test_a_mark_is_asked_for_oldest_first() -> None:
    assert jql_for_mark("remedy:a") == 'labels = "remedy:a" ORDER BY created ASC, key ASC'


def test_without_a_cursor_the_list_begins_a_few_minutes_ago() -> None:
    for text in (None, "", "{}", "[]", "x", '{"since": "x"}', '{"since": "2026-11-21T18:03:20"}'):
        assert cursor_from(text, NOW) == Cursor(since=NOW - timedelta(minutes=5))


@pytest.mark.parametrize(
    ("age", "minutes"),
    [(0, 3), (1, 4), (60, 4), (61, 5), (3600, 63), (-1, 1443), (-9999, 1443), (10**9, 3650 * 24 * 60 + 3)],
)
def test_a_list_looks_back_to_the_cursor_rounded_up_and_over_the_lag(age: int, minutes: int) -> None:
    place = listing(Cursor(since=NOW - timedelta(seconds=age)), NOW, OVERLAP)
    assert place.minutes == minutes
    assert f'updated >= "-{minutes}m"' in place.jql
    assert place.jql.startswith('labels = "remedy" AND ')


def test_a_list_misses_nothing_after_the_clock_was_set_back() -> None:
    cursor, _ = listing(Cursor(since=NOW), NOW + timedelta(hours=1), OVERLAP).following(page(3))
    later = NOW + timedelta(minutes=10)
    assert listing(cursor_from(cursor, later), later, OVERLAP).minutes >= 10


def test_the_last_page_moves_the_cursor_to_when_the_list_began() -> None:
    first = listing(Cursor(since=NOW), NOW, OVERLAP)
    cursor, more = first.following(page(3))
    assert not more
    assert cursor_from(cursor, NOW) == Cursor(since=NOW)


def test_a_list_that_showed_nothing_moves_no_cursor() -> None:
    later = NOW + timedelta(hours=1)
    cursor, more = listing(Cursor(since=NOW), later, OVERLAP).following(page(0))
    assert (cursor_from(cursor, later), more) == (Cursor(since=NOW), False)


def test_pages_by_token_ask_the_same_query_and_end_where_the_list_began() -> None:
    began = NOW + timedelta(minutes=29, seconds=30)
    first = listing(Cursor(since=NOW), began, OVERLAP)
    cursor, more = first.following(page(2, nextPageToken="t1"))
    assert more
    second = listing(cursor_from(cursor, NOW), began + timedelta(seconds=30), OVERLAP)
    assert (second.jql, second.cursor.token) == (first.jql, "t1")
    cursor, more = second.following(page(1))
    assert not more
    assert cursor_from(cursor, NOW) == Cursor(since=began)


def test_a_list_by_token_begins_again_where_its_query_no_longer_looks_back_far_enough() -> None:
    began = NOW + timedelta(minutes=30)
    cursor, _ = listing(Cursor(since=NOW), began, OVERLAP).following(page(2, nextPageToken="t1"))
    later = began + timedelta(seconds=1)
    again = listing(cursor_from(cursor, NOW), later, OVERLAP)
    assert (again.cursor.token, again.cursor.start, again.started) == (None, 0, later)
    assert again.cursor.since == NOW


@given(st.integers(1, 10**6))
def test_a_list_that_began_again_may_take_twice_as_long_as_before(took: int) -> None:
    cursor, _ = listing(Cursor(since=NOW), NOW, OVERLAP).following(page(2, nextPageToken="t1"))
    later = NOW + timedelta(minutes=1, seconds=took)
    cursor, _ = listing(cursor_from(cursor, NOW), later, OVERLAP).following(page(2, nextPageToken="t2"))
    last = listing(cursor_from(cursor, NOW), later + 2 * (later - NOW), OVERLAP)
    assert last.cursor.token == "t2"
    assert last.started == later


@pytest.mark.parametrize("seconds", [0.2, 20, 3000])
def test_a_list_by_token_ends_however_long_it_is(seconds: float) -> None:
    now, pages, asked = NOW, 500, 0
    place = listing(Cursor(since=NOW), now, OVERLAP)
    read = 0
    while read < pages:
        asked, now = asked + 1, now + timedelta(seconds=seconds)
        read += 1
        cursor, _ = place.following(page(1, nextPageToken="t"))
        place = listing(cursor_from(cursor, NOW), now, OVERLAP)
        read = read if place.cursor.token else 0
    assert asked < 3 * pages


def test_a_list_of_everything_never_begins_again() -> None:
    cursor, _ = listing(Cursor(since=datetime(2000, 1, 1, tzinfo=UTC)), NOW, OVERLAP).following(
        page(2, nextPageToken="t1")
    )
    assert listing(cursor_from(cursor, NOW), NOW + timedelta(days=2), OVERLAP).cursor.token == "t1"


def test_a_list_that_is_counted_looks_back_as_far_however_late_its_next_page_is() -> None:
    cursor, _ = listing(Cursor(since=NOW), NOW, OVERLAP).following(page(10, startAt=0, total=30))
    later = listing(cursor_from(cursor, NOW), NOW + timedelta(minutes=10), OVERLAP)
    assert (later.minutes, later.started, later.cursor.start) == (13, NOW, 10 - PAGE_OVERLAP)


def test_pages_by_counting_overlap_and_end() -> None:
    place = listing(Cursor(since=NOW), NOW, OVERLAP)
    starts, more = [], True
    while more:
        start = place.cursor.start
        starts.append(start)
        size = min(10, 23 - start)
        cursor, more = place.following(page(size, startAt=start, total=23))
        place = listing(cursor_from(cursor, NOW), NOW, OVERLAP)
    assert starts == [0, 10 - PAGE_OVERLAP, 15 - PAGE_OVERLAP, 20 - PAGE_OVERLAP]
    assert starts[-1] + 10 >= 23


@given(st.integers(0, 300), st.integers(1, 100))
def test_counting_always_ends_and_leaves_nothing_out(total: int, size: int) -> None:
    place, seen, more, pages = listing(Cursor(since=NOW), NOW, OVERLAP), set[int](), True, 0
    while more:
        start = place.cursor.start
        seen |= set(range(start, min(start + size, total)))
        shown = max(min(size, total - start), 0)
        cursor, more = place.following(page(shown, startAt=start, total=total))
        place, pages = listing(cursor_from(cursor, NOW), NOW, OVERLAP), pages + 1
        assert pages <= total + 1
    assert seen == set(range(total))


def test_a_list_whose_token_jira_forgot_looks_back_to_its_beginning_and_begins_now() -> None:
    under_way = Cursor(since=NOW, started=NOW + OVERLAP, minutes=9, token="t")
    assert (restarted(under_way).since, restarted(under_way).token) == (NOW, None)
    place = listing(restarted(under_way), NOW + timedelta(hours=1), OVERLAP)
    assert (place.cursor.token, place.cursor.start, place.started) == (None, 0, NOW + timedelta(hours=1))
    assert place.minutes >= 63


def test_changes_name_the_ticket_and_its_mark() -> None:
    found = Found.model_validate({"id": "1", "fields": {"labels": ["remedy", "remedy:a:finding:b"]}})
    assert changes_in([found]) == (TicketChange("1", "remedy:a:finding:b"),)
