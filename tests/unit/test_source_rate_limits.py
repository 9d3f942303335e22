"""SchoolScan's rate-limit and waiting headers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from remediation.sources.rate_limits import LONGEST_WAIT, SHORTEST_WAIT, RateLimit, rate_limit_of, wait_of

NOW = 1_776_261_731.5


def headers(limit: str, remaining: str) -> dict[str, str]:
    return {"X-RateLimit-Limit": limit, "X-RateLimit-Remaining": remaining}


def test_two_plain_numbers_are_a_rate_limit() -> None:
    assert rate_limit_of(headers("300", " 0 ")) == RateLimit(300, 0)


@pytest.mark.parametrize(
    "garbage", ["", "-1", "1.5", "nan", "inf", "1_7", "\uff13\uff10\uff10", "300, 300", "9" * 13, "0x10"]
)
@pytest.mark.parametrize("place", [0, 1])
def test_garbage_in_any_of_them_is_no_rate_limit(place: int, garbage: str) -> None:
    values = ["300", "299"]
    values[place] = garbage
    assert rate_limit_of(headers(*values)) is None


def test_a_missing_header_is_no_rate_limit() -> None:
    assert rate_limit_of({"X-RateLimit-Limit": "300"}) is None


@pytest.mark.parametrize(
    ("given_headers", "seconds"),
    [
        ({}, None),
        ({"Retry-After": "7"}, 7),
        ({"Retry-After": "0"}, SHORTEST_WAIT),
        ({"Retry-After": "999999999"}, LONGEST_WAIT),
        ({"Retry-After": "Wed, 15 Apr 2026 14:02:21 GMT"}, 9.5),
        ({"Retry-After": "soon", "X-RateLimit-Reset": "1776261780"}, 48.5),
        ({"Retry-After": "-5"}, None),
        ({"Retry-After": "Wed, 99 Foo 2026"}, None),
        ({"Retry-After": "5", "X-RateLimit-Reset": "1776261780"}, 5),
        ({"X-RateLimit-Reset": "1776261780"}, 48.5),
        ({"X-RateLimit-Reset": "0"}, SHORTEST_WAIT),
        ({"X-RateLimit-Reset": "0\x1f"}, SHORTEST_WAIT),
        ({"X-RateLimit-Reset": "999999999999"}, LONGEST_WAIT),
        ({"X-RateLimit-Reset": "tomorrow"}, None),
        ({"X-RateLimit-Reset": "1776261780", "Date": "Wed, 15 Apr 2026 14:02:51 GMT"}, 9),
        ({"Retry-After": "Wed, 15 Apr 2026 14:13:00 GMT", "Date": "Wed, 15 Apr 2026 14:12:50 GMT"}, 10),
        ({"X-RateLimit-Reset": "1776261780", "Date": "today"}, 48.5),
    ],
)
def test_a_wait_is_what_the_headers_ask_for_within_bounds(given_headers: dict[str, str], seconds: float | None) -> None:
    assert wait_of(given_headers, NOW) == seconds


@given(st.text(), st.text())
def test_any_text_in_a_header_gives_a_bounded_wait_or_none(retry_after: str, reset: str) -> None:
    wait = wait_of({"Retry-After": retry_after, "X-RateLimit-Reset": reset}, NOW)
    assert wait is None or SHORTEST_WAIT <= wait <= LONGEST_WAIT
