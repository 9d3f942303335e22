"""When to try again: at least what was asked for, never for ever, and not all at once."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from remediation.outbound.backoff import FIRST, LONGEST, LONGEST_UNNAMED, delay

CHANCES = st.integers().map(random.Random)


class Fixed(random.Random):
    """Chance that always says the same."""

    def __init__(self, value: float) -> None:
        super().__init__()
        self._value = value

    def random(self) -> float:
        return self._value


@pytest.mark.parametrize(
    ("attempts", "least", "most"),
    [(0, 0.5, 1), (1, 1, 2), (2, 2, 4), (5, 16, 32), (9, 256, 512), (10, 450, 900), (11, 450, 900), (10_000, 450, 900)],
)
def test_the_wait_doubles_up_to_a_quarter_of_an_hour(attempts: int, least: float, most: float) -> None:
    assert delay(attempts, None, Fixed(0.0)) == least
    assert delay(attempts, None, Fixed(1.0)) == most


def test_the_wait_for_what_only_the_file_can_name_doubles_up_to_a_day() -> None:
    waits = [delay(attempts, None, Fixed(1.0), LONGEST_UNNAMED) for attempts in (0, 10, 16, 17, 10_000)]
    assert waits == [1.0, 1_024.0, 65_536.0, 86_400.0, 86_400.0]


@given(st.integers(0, 10**9), CHANCES)
def test_it_is_never_given_up_and_never_longer_than_the_longest(attempts: int, chance: random.Random) -> None:
    assert FIRST / 2 <= delay(attempts, None, chance) <= LONGEST


@given(st.integers(0, 10**9), st.floats(0, 1e6), CHANCES)
def test_a_wait_that_was_asked_for_is_kept_and_hardly_exceeded(
    attempts: int, asked: float, chance: random.Random
) -> None:
    assert asked <= delay(attempts, asked, chance) <= max(asked + 2, LONGEST)
    assert delay(0, asked, chance) <= asked + 2


@given(st.integers(0, 10**9), st.floats(0, 2), CHANCES)
def test_a_short_wait_that_is_asked_for_again_and_again_does_not_keep_us_coming(
    attempts: int, asked: float, chance: random.Random
) -> None:
    assert delay(attempts, asked, chance) >= min(FIRST * 2 ** min(attempts, 20), LONGEST) / 2


@given(st.integers(0, 100), st.floats(-1e9, 0), CHANCES)
def test_a_wait_in_the_past_is_none(attempts: int, asked: float, chance: random.Random) -> None:
    assert 0 <= delay(attempts, asked, chance) <= LONGEST


def test_many_that_failed_together_do_not_come_back_together() -> None:
    chance = random.Random(1)  # noqa: S311 - no secret
    assert len({round(delay(10, None, chance)) for _ in range(200)}) > 100
