from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from remediation.mapping.config.words import duration_of, duration_text


@pytest.mark.parametrize(
    ("written", "span"),
    [
        ("90s", timedelta(seconds=90)),
        ("15m", timedelta(minutes=15)),
        ("2h", timedelta(hours=2)),
        ("14d", timedelta(days=14)),
        ("0s", timedelta(0)),
        (timedelta(seconds=3), timedelta(seconds=3)),
    ],
)
def test_a_number_and_a_unit_are_a_span_of_time(written: object, span: timedelta) -> None:
    assert duration_of(written) == span


@pytest.mark.parametrize(
    "written",
    ["", "15", 15, "m", "1.5h", "-1s", "1 h", "1h ", "1h30m", "1w", "1H", "\uff19s", "1234567d", None, [], True],
)
def test_anything_else_is_refused_with_what_is_allowed(written: object) -> None:
    with pytest.raises(ValueError, match="a whole number and a unit: 90s, 15m, 2h or 14d"):
        duration_of(written)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("2 days", "; write 2d"),
        ("P1DT2H", "; write 26h"),
        ("PT5M", "; write 5m"),
        ("P1M", "; write 30d"),
        ("P2MT5M", "; write 86405m"),
        ("999999 years, 999999 years and 999999 years", ""),
        ("999999y 999999y 999999y", ""),
    ],
)
def test_a_span_in_other_words_is_told_as_it_should_be_written(written: str, meant: str) -> None:
    with pytest.raises(ValueError, match="a whole number and a unit") as told:
        duration_of(written)
    assert str(told.value).partition("14d")[2] == meant


@given(st.integers(0, 999_999), st.sampled_from("smhd"))
def test_a_span_written_out_reads_back_as_itself(number: int, unit: str) -> None:
    span = duration_of(f"{number}{unit}")
    assert duration_of(duration_text(span)) == span
