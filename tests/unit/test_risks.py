from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from remediation.domain.tickets import Risk
from remediation.trackers.closings import NOT_SHOWN, risk_of

END_OF_JANUARY = datetime(2030, 1, 31, 23, 59, 59, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "moment"),
    [
        ("2030-01-31", END_OF_JANUARY),
        (" 2030-01-31 ", END_OF_JANUARY),
        ("2030-01-31T10:00:00.000+0100", datetime(2030, 1, 31, 9, tzinfo=UTC)),
        ("2030-01-31T10:00:00.000-05:00", datetime(2030, 1, 31, 15, tzinfo=UTC)),
        ("2030-01-31 10:00:00", datetime(2030, 1, 31, 10, tzinfo=UTC)),
        ({"value": "2030-01-31"}, END_OF_JANUARY),
        ("2030-01-31T10:00Z", datetime(2030, 1, 31, 10, tzinfo=UTC)),
        ("9999-12-31", datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)),
        ("9999-12-31T23:59:59+01:00", datetime(9999, 12, 31, 22, 59, 59, tzinfo=UTC)),
        ("0001-01-01", datetime(1, 1, 1, 23, 59, 59, tzinfo=UTC)),
    ],
)
def test_a_day_lasts_until_its_end_and_a_moment_is_itself(value: object, moment: datetime) -> None:
    assert risk_of("", value) == Risk(until=moment)


@pytest.mark.parametrize(
    "value",
    [
        *("soon", "03/14/2027", "03/04/2027", "31.01.2030", "31/Jan/30", "January 31, 2030", "2030-1-31", "2030/01/31"),
        *(
            "20300131",
            "2030-W05-4",
            "2030-01",
            "2030-01-31 4:00 PM",
            "2030-02-31",
            "2030-01-31 25:00",
            "2030-01-31T24:01Z",
        ),
        *("0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-05:00", "\u0662030-01-31", "2030-01-31, 2030-02-28"),
        *(20300131, 7.5, True, {"id": "1"}, {"value": "soon"}, ["2030-01-31", "2030-02-28"]),
    ],
)
def test_what_says_no_moment_is_an_end_that_nobody_can_read(value: object) -> None:
    assert risk_of("", value) == Risk(is_unread=True)


@pytest.mark.parametrize("value", ["", "  ", None, [], {}])
def test_an_empty_field_states_no_end(value: object) -> None:
    assert risk_of("", value) == Risk()


def test_of_a_field_that_is_not_shown_nobody_knows_the_end() -> None:
    assert risk_of("", NOT_SHOWN) == Risk(is_untold=True)


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("Public by law", "Public by law"),
        ("  two\r\nlines \x00", "two\nlines"),
        ({"id": "1", "value": "Public by law"}, "Public by law"),
        ({"id": "1", "name": "Public by law"}, "Public by law"),
        ({"value": "", "name": "Public by law"}, "Public by law"),
        ([{"value": "Public by law"}, {"value": "Old"}], "Public by law, Old"),
        ("", None),
        (" \n", None),
        ({}, None),
        ({"value": 7}, None),
        ([], None),
        (7, None),
        (None, None),
    ],
)
def test_a_reason_is_text_or_what_people_see_of_an_option(value: object, reason: str | None) -> None:
    assert risk_of(value, None) == Risk(reason)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.dates().map(str) | st.datetimes().map(str),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["value", "name", "x"]), inner),
)


@given(VALUES, VALUES)
def test_no_value_breaks_the_reading_and_none_is_shown(reason: object, expiry: object) -> None:
    risk = risk_of(reason, expiry)
    assert risk.reason is None or 0 < len(risk.reason) <= 4_000
    assert risk.until is None or (risk.until.tzinfo is UTC and not risk.is_unread)
    assert "reason" not in repr(risk)
