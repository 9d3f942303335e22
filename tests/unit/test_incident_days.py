"""The day that a date names, in every form that a feed might use."""

from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from email.utils import format_datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from remediation.sources.incident_feed.days import LONGEST_DATE, day_of

CHICAGO = ZoneInfo("America/Chicago")
FIFTEENTH = date(2026, 4, 15)


@pytest.mark.parametrize(
    "text",
    [
        "2026-04-15",
        "2026/04/15",
        "2026.04.15",
        "2026-4-15",
        "20260415",
        "04/15/2026",
        "4/15/2026",
        "4/15/26",
        "04-15-2026",
        "  2026-04-15\n",
        "2026-04-15T10:02:11",
        "2026-04-15 10:02:11",
        "2026-04-15t10:02",
        "2026-04-15 10",
        "2026-04-15T10:02:11.250",
        "2026-04-15T10:02:11,250000000",
        "2026-04-15T23:59:60",
        "20260415T100211",
        "04/15/2026 10:02 AM",
        "04/15/2026 10:02:11 pm",
        "4/15/2026, 12:00 a.m.",
        "4/15/26 1:05PM",
        "2026-04-15 22:02:11 CST",
        "2026-04-15 22:02:11 America/Chicago",
        "15 Apr 2026",
        "15-Apr-2026",
        "15 April 2026 10:02",
        "Apr 15, 2026",
        "April 15, 2026 10:02 AM",
        "April 15th, 2026 at 10:02 PM",
        "Sept 5 2026",
        "Wed, Apr 15, 2026",
        "Wed, 15 Apr 2026",
        "Wednesday, 15 April 2026",
        "Wed Apr 15 22:02:11 2026",
        "Wed Apr 15 22:02:11 CDT 2026",
        "2026-04-15T10:02:11-05:00",
        "2026-04-15T10:02:11-0500",
        "2026-04-15T10:02:11-05",
        "2026-04-15 10:02:11 -0500",
        "2026-04-15T10:02:11Z",
        "2026-04-15 10:02:11 UTC",
        "2026-04-15 10:02:11 GMT-5",
        "20260415T100211-0500",
        "Wed, 15 Apr 2026 10:02:11 -0500",
        "Wed, 15 Apr 2026 10:02:11 -0500 (CDT)",
        "Wed, 15 Apr 2026 10:02:11 GMT",
        "1776268931",
        "1776268931250",
    ],
)
def test_a_date_is_read_in_any_usual_form(text: str) -> None:
    expected = date(2026, 9, 5) if text.startswith("Sept") else FIFTEENTH
    assert day_of(text, CHICAGO) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-04-16T03:00:00Z", FIFTEENTH),
        ("2026-04-16T05:00:00Z", date(2026, 4, 16)),
        ("2026-04-15T23:30:00-04:00", FIFTEENTH),
        ("2026-04-16T00:30:00-04:00", FIFTEENTH),
        ("04/16/2026 12:30 AM -0400", FIFTEENTH),
        ("04/16/2026 12:30 PM -0400", date(2026, 4, 16)),
        ("Thu, 16 Apr 2026 04:59:59 +0000", FIFTEENTH),
        ("2026-04-16 00:00:00", date(2026, 4, 16)),
        ("2026-04-16", date(2026, 4, 16)),
        ("2026-04-16 03:00:00 CST", date(2026, 4, 16)),
    ],
)
def test_only_a_time_with_an_offset_is_brought_into_the_feeds_zone(text: str, expected: date) -> None:
    assert day_of(text, CHICAGO) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "today",
        "0000-00-00",
        "0000-00-00 00:00:00",
        "2026-13-01",
        "2026-02-30",
        "15/04/2026",
        "2026-04",
        "2026",
        "2026-04/15",
        "1026-04-15",
        "2026-04-15T25:00",
        "2026-04-15T10:61",
        "04/15/2026 13:00 PM -0500",
        "04/15/2026 0:30 AM -0500",
        "2026-04-15 10:00 +99:00",
        "15 Nov em 2026",
        "Foo 15, 2026",
        "15 Maybe 2026",
        "2026-04-15 ZZPII",
        "2026-04-15 10:00 Morgan Fakeman",
        "99999999999999",
        "\u0662\u0660\u0662\u0666-04-15",
        "2026-04-15" + " " * LONGEST_DATE + "x",
    ],
)
def test_what_names_no_day_is_none(text: str) -> None:
    assert day_of(text, CHICAGO) is None


OFFSETS = st.integers(-14 * 4, 14 * 4).map(lambda quarters: timezone(timedelta(minutes=15 * quarters)))
MOMENTS = st.datetimes(datetime(1975, 1, 1), datetime(2990, 1, 1), timezones=OFFSETS)  # noqa: DTZ001 - the bounds have none


@given(MOMENTS.map(lambda moment: moment.replace(microsecond=0)), st.sampled_from([UTC, CHICAGO]))
def test_one_moment_names_one_day_in_every_form(moment: datetime, zone: tzinfo) -> None:
    forms = [
        moment.isoformat(),
        moment.astimezone(UTC).isoformat().replace("+00:00", "Z"),
        moment.isoformat(" "),
        moment.strftime("%Y%m%dT%H%M%S%z"),
        moment.strftime("%m/%d/%Y %I:%M:%S %p %z"),
        format_datetime(moment),
    ]
    assert {day_of(form, zone) for form in forms} == {moment.astimezone(zone).date()}


@given(st.dates(date(1970, 1, 1), date(2999, 12, 31)), st.times().map(lambda at: at.replace(microsecond=0)))
def test_a_local_time_keeps_its_day_in_every_form(day: date, at: time) -> None:
    local = datetime.combine(day, at)
    forms = [
        day.isoformat(),
        local.isoformat(),
        local.isoformat(" "),
        f"{day:%Y%m%d}",
        f"{day:%m/%d/%Y}",
        f"{local:%m/%d/%Y %I:%M %p}",
        f"{day:%d %b %Y}",
        f"{local:%B %d, %Y %I:%M %p}",
    ]
    assert {day_of(form, CHICAGO) for form in forms} == {day}


@given(st.text(alphabet="0123456789-/:. TZAPMaprgm+,()\t\u0663é", max_size=70))
def test_any_text_names_a_day_or_none(text: str) -> None:
    day = day_of(text, CHICAGO)
    assert day is None or 1970 <= day.year <= 2999
