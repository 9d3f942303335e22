import time
from collections.abc import Iterator

import pytest

from remediation.domain.errors import ConfigurationError
from remediation.failpoints import POINTS, FailpointReached, failpoint, turn_off, turn_on
from remediation.settings import Settings
from remedy.runtime.assembly import turn_on_failpoints


@pytest.fixture(autouse=True)
def off_again() -> Iterator[None]:
    yield
    turn_off()


def reached(times: int, point: str = "stored") -> list[int]:
    """At which of so many times a failpoint raised, counted from 1."""
    found = []
    for number in range(1, times + 1):
        try:
            failpoint(point)
        except FailpointReached:
            found.append(number)
    return found


def settings(**given: object) -> Settings:
    return Settings.model_validate(given)


def test_nothing_happens_at_a_failpoint_that_nobody_turned_on() -> None:
    assert [reached(3, point) for point in POINTS] == [[]] * len(POINTS)


@pytest.mark.parametrize(
    ("written", "at"),
    [
        ("stored=raise", [1, 2, 3, 4, 5]),
        ("stored=raise@3", [3]),
        ("stored=raise:0", []),
        ("stored=raise:1", [1, 2, 3, 4, 5]),
        ("verified=raise", []),
        ("verified=raise, stored=raise@2 ,seed=9", [2]),
    ],
)
def test_a_failpoint_breaks_as_often_as_was_written(written: str, at: list[int]) -> None:
    turn_on(written)
    assert reached(5) == at


def test_chance_is_the_same_with_the_same_seed() -> None:
    rounds = []
    for seed in (1, 1, 2):
        turn_on(f"seed={seed},stored=raise:0.3")
        rounds.append(reached(50))
    assert rounds[0] == rounds[1] != rounds[2]
    assert 5 < len(rounds[0]) < 30


def test_sleeping_stops_the_whole_process() -> None:
    turn_on("observed=sleep:0.05@1")
    before = time.monotonic()
    failpoint("observed")
    failpoint("observed")
    assert time.monotonic() - before >= 0.05


@pytest.mark.parametrize("written", ["", "stored", "nowhere=kill", "stored=explode", "stored=kill@0", "seed=x"])
def test_what_names_no_failpoint_stops_the_start(written: str) -> None:
    with pytest.raises(ConfigurationError, match="REMEDY_FAILPOINTS: names no failpoint"):
        turn_on(written)


def test_one_variable_alone_breaks_no_process() -> None:
    with pytest.raises(ConfigurationError, match="ALLOW_FAILPOINTS"):
        turn_on_failpoints(settings(remedy_failpoints="stored=raise"))
    assert reached(1) == []


def test_without_the_variable_nothing_is_turned_on() -> None:
    turn_on_failpoints(settings(allow_failpoints=True))
    assert reached(1) == []


def test_with_both_variables_a_process_breaks() -> None:
    turn_on_failpoints(settings(remedy_failpoints="stored=raise", allow_failpoints=True))
    assert reached(1) == [1]
