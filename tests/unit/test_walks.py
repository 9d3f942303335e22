"""Which pages of an incident feed are read, and when: every incident of a window, whatever the list does meanwhile."""

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from remediation.domain.incidents import Incident, Kept
from remediation.domain.walks import MOST_PAGES, MOST_ROUNDS, Ending, FeedWalk, SchoolYear, Timetable, WalkKind

AUGUST = SchoolYear(8, 1)
TIMETABLE = Timetable(ZoneInfo("America/Chicago"), AUGUST, timedelta(minutes=10), timedelta(days=7), time(2))
NOON = datetime(2026, 11, 27, 18, 0, tzinfo=UTC)
"""Noon in Chicago."""


def sweep(page: int = 1, pages: int = 0) -> FeedWalk:
    """A sweep that has just begun, or come as far as this page."""
    return FeedWalk(WalkKind.SWEEP, date(2026, 8, 1), date(2027, 7, 31), page, pages)


def pages_of(walk: FeedWalk, stated: list[int]) -> tuple[list[int], Ending | None]:
    """The pages that are read where each states these totals in turn, and how the walk ends, if it does."""
    read = []
    for total in stated:
        read.append(walk.page)
        following = walk.after(total)
        if isinstance(following, Ending):
            return read, following
        walk = following
    return read, None


def test_a_list_that_stands_still_is_read_once_from_first_to_last() -> None:
    assert pages_of(sweep(), [3, 3, 3, 3]) == ([1, 2, 3], Ending.WHOLE)


@pytest.mark.parametrize("pages", [0, 1])
def test_an_empty_list_is_one_page(pages: int) -> None:
    assert pages_of(sweep(), [pages]) == ([1], Ending.WHOLE)


def test_a_list_that_becomes_longer_is_read_to_its_new_end() -> None:
    assert pages_of(sweep(), [2, 3, 3]) == ([1, 2, 3], Ending.WHOLE)


def test_a_list_that_becomes_shorter_is_read_again_because_incidents_moved_to_pages_that_were_read() -> None:
    assert pages_of(sweep(), [3, 2, 2, 2]) == ([1, 2, 1, 2], Ending.WHOLE)


def test_a_list_that_never_stands_still_ends_the_walk_as_moving() -> None:
    assert pages_of(sweep(), [2, 1] * MOST_ROUNDS) == ([1, 2] * MOST_ROUNDS, Ending.MOVING)


def test_a_feed_that_states_pages_without_end_is_cut_off() -> None:
    assert sweep(page=MOST_PAGES, pages=10**9).after(10**9) is Ending.CUT


@given(st.lists(st.integers(0, 6), min_size=7 * MOST_ROUNDS, max_size=7 * MOST_ROUNDS))
def test_every_walk_over_a_short_list_ends_and_is_whole_only_where_no_page_was_taken_back(stated: list[int]) -> None:
    read, ending = pages_of(sweep(), stated)
    assert ending is not None
    last = read[len(read) - read[::-1].index(1) - 1 :]  # the pages of the last round
    assert last == list(range(1, len(last) + 1))
    totals = stated[len(read) - len(last) : len(read)]
    assert (ending is Ending.WHOLE) == (totals == sorted(totals))


@pytest.mark.parametrize(
    ("today", "year"),
    [
        (date(2026, 11, 27), (date(2026, 8, 1), date(2027, 7, 31))),
        (date(2027, 7, 31), (date(2026, 8, 1), date(2027, 7, 31))),
        (date(2027, 8, 1), (date(2027, 8, 1), date(2028, 7, 31))),
    ],
)
def test_a_school_year_lasts_from_its_first_day_to_the_day_before_the_next(
    today: date, year: tuple[date, date]
) -> None:
    assert AUGUST.around(today) == year


@given(st.integers(1, 12), st.integers(1, 28), st.dates(date(1990, 1, 1), date(2090, 1, 1)))
def test_every_day_is_in_its_school_year_and_years_meet_without_a_gap(month: int, day: int, today: date) -> None:
    year = SchoolYear(month, day)
    first, last = year.around(today)
    assert first <= today <= last
    assert year.around(last + timedelta(days=1))[0] == last + timedelta(days=1)


def test_a_school_year_that_begins_on_february_29_begins_on_march_1_in_other_years() -> None:
    assert SchoolYear(2, 29).around(date(2026, 6, 1)) == (date(2026, 3, 1), date(2027, 2, 28))


def test_a_feed_that_was_never_read_is_swept_first() -> None:
    assert TIMETABLE.due(NOON, None, None) == sweep()


def test_a_poll_reaches_back_over_the_overlap_and_ahead_over_the_next_day() -> None:
    swept = NOON - timedelta(hours=3)
    assert TIMETABLE.due(NOON, swept, swept) == FeedWalk(WalkKind.POLL, date(2026, 11, 20), date(2026, 11, 28))


def test_nothing_is_read_before_it_is_time() -> None:
    just_now = NOON - timedelta(minutes=9)
    assert TIMETABLE.due(NOON, just_now, just_now) is None


def test_after_an_outage_of_days_a_poll_reaches_back_to_the_last_one_and_its_overlap() -> None:
    polled = NOON - timedelta(days=5)
    tonight = NOON - timedelta(hours=3)
    assert TIMETABLE.due(NOON, polled, tonight) == FeedWalk(WalkKind.POLL, date(2026, 11, 15), date(2026, 11, 28))


@pytest.mark.parametrize(
    ("hour_in_utc", "due"),
    [(7, None), (8, sweep())],  # Chicago is six hours behind in November: two o'clock there
)
def test_the_year_is_swept_once_a_night_at_its_hour_in_the_feeds_own_zone(
    hour_in_utc: int, due: FeedWalk | None
) -> None:
    now = datetime(2026, 11, 28, hour_in_utc, 0, tzinfo=UTC)
    assert TIMETABLE.due(now, now, NOON) == due


@pytest.mark.parametrize(
    ("sweep_at", "night", "begins"),
    [
        (time(2, 30), datetime(2027, 3, 14, 6, 0, tzinfo=UTC), "08:30"),  # clocks go from 2:00 to 3:00
        (time(3, 0), datetime(2027, 3, 14, 6, 0, tzinfo=UTC), "08:00"),
        (time(1, 30), datetime(2026, 11, 1, 5, 0, tzinfo=UTC), "06:30"),  # clocks go from 2:00 back to 1:00
    ],
)
def test_the_year_is_swept_once_in_a_night_in_which_the_clocks_are_changed(
    sweep_at: time, night: datetime, begins: str
) -> None:
    timetable, swept_at, swept = replace(TIMETABLE, sweep_at=sweep_at), night - timedelta(hours=12), []
    for minute in range(240):
        now = night + timedelta(minutes=minute)
        walk = timetable.due(now, now, swept_at)
        if walk is not None:
            swept_at = now
            swept.append(f"{now:%H:%M}")
    assert swept == [begins]


def test_a_sweep_is_not_late_in_the_hour_that_comes_twice() -> None:
    timetable = replace(TIMETABLE, sweep_at=time(1, 30))
    second_ten_past_one = datetime(2026, 11, 1, 7, 10, tzinfo=UTC)
    walk = timetable.due(second_ten_past_one, second_ten_past_one, second_ten_past_one - timedelta(hours=12))
    assert walk is not None
    assert walk.kind is WalkKind.SWEEP


def test_a_sweep_also_reads_incidents_of_tomorrow_where_the_school_year_ends_today() -> None:
    last_day = datetime(2027, 7, 31, 18, 0, tzinfo=UTC)
    due = TIMETABLE.due(last_day, None, None)
    assert due is not None
    assert due.until == date(2027, 8, 1)


RETENTION = timedelta(days=400)
CHICAGO = ZoneInfo("America/Chicago")


def kept(day: date | None, changed: date, deleted: date | None = None) -> Kept:
    changed_at, deleted_at = (
        int(datetime.combine(at, time(12), CHICAGO).timestamp()) for at in (changed, deleted or changed)
    )
    return Kept(Incident("a1", day=day), changed_at, deleted_at if deleted else None)


@pytest.mark.parametrize(
    ("what", "ends"),
    [
        (kept(date(2026, 11, 27), date(2026, 11, 28)), datetime(2027, 8, 1, tzinfo=CHICAGO) + RETENTION),
        (kept(None, date(2026, 11, 28)), datetime(2027, 8, 1, tzinfo=CHICAGO) + RETENTION),
        (kept(date(2099, 1, 1), date(2026, 11, 28)), datetime(2027, 8, 1, tzinfo=CHICAGO) + RETENTION),
        (kept(date(2026, 7, 30), date(2026, 8, 2)), datetime(2026, 8, 1, tzinfo=CHICAGO) + RETENTION),
        (
            kept(date(2026, 11, 27), date(2027, 1, 5), date(2026, 12, 5)),
            datetime(2026, 12, 5, 12, tzinfo=CHICAGO) + RETENTION,
        ),
    ],
)
def test_what_is_kept_of_an_incident_ends_after_its_school_year_or_its_deletion(what: Kept, ends: datetime) -> None:
    assert TIMETABLE.ends(what, RETENTION) == ends


@given(
    st.dates(date(2024, 1, 1), date(2030, 1, 1)),
    st.timedeltas(timedelta(0), timedelta(days=800)),
    st.none() | st.timedeltas(timedelta(0), timedelta(days=800)),
    st.timedeltas(timedelta(days=7), timedelta(days=3_660)),
    st.timedeltas(timedelta(days=1), timedelta(days=366)),
)
def test_nothing_ends_while_a_walk_may_show_it(
    day: date, later: timedelta, deleted: timedelta | None, retention: timedelta, overlap: timedelta
) -> None:
    changed = day + later
    timetable = replace(TIMETABLE, overlap=overlap)
    ends = timetable.ends(kept(day, changed, changed - deleted if deleted else None), retention)
    assert ends is not None
    last = AUGUST.around(changed)[1]
    assert timetable.poll(ends, ends).since > last
    assert timetable.sweep(ends).since > last


def test_without_a_time_nothing_ends() -> None:
    assert TIMETABLE.ends(Kept(Incident("a1", day=date(2020, 1, 1))), RETENTION) is None


def test_a_walk_with_a_page_that_was_taken_in_part_goes_on_and_is_not_whole() -> None:
    following = sweep().after(2, is_torn=True)
    assert following == replace(sweep(), page=2, pages=2, is_torn=True)
    assert isinstance(following, FeedWalk)
    assert following.after(2) is Ending.TORN


def test_a_list_that_became_shorter_is_read_again_whatever_was_taken_in_part_before() -> None:
    following = replace(sweep(), page=2, pages=3, is_torn=True).after(2)
    assert following == replace(sweep(), rounds=2)


def test_after_a_clock_was_set_back_a_feed_is_read_at_once() -> None:
    later = NOON + timedelta(days=1)
    assert TIMETABLE.due(NOON, later, later) == TIMETABLE.sweep(NOON)
    following = TIMETABLE.due(NOON, later, NOON)
    assert following is not None
    assert following.kind is WalkKind.POLL
