"""A suite that finds nothing proves something only if it finds what is there: each planted bug makes a figure not 0."""

from collections.abc import Callable, Iterator
from functools import partial

import pytest

from chaos.experiment import Outcome
from chaos.experiments.deaths import workers_die
from chaos.experiments.feeds import feeds_die
from chaos.experiments.keys import keys_change_in_files
from chaos.experiments.links import breaking
from chaos.experiments.scans import scans_die
from chaos.planted import BUGS, UNMARKED
from chaos.world import World
from tests.faults.playing import LONGEST

pytestmark = pytest.mark.timeout(LONGEST)

MOST_ROUNDS = 5
"""Chance decides which of two creates a worker dies after; a bug that shows in one of them is found in a few rounds."""


_PLAYED: dict[str, Callable[[World, int], Outcome]] = {
    "none_is_duplicate": partial(breaking, "cut_before"),
    "unopened_is_done": keys_change_in_files,
    "closing_is_believed": partial(scans_die, points=("scan_page_marked",), found=20),
    "case_after_page": partial(feeds_die, points=(UNMARKED,), wipes=False),
}


@pytest.fixture
def planted(world: World) -> Iterator[World]:
    """A world whose processes are all started anew, for the bug that a test puts into them."""
    world.staff(receivers=0, workers=0)
    yield world
    world.planted = ""
    world.staff(receivers=0, workers=0)


def until_unsound(world: World, bug: str, times: int) -> Outcome:
    """Play with the bug until a figure that must be 0 is not, or for a few rounds."""
    world.planted = bug
    play = _PLAYED.get(bug, workers_die)
    outcome = play(world, times)
    for _ in range(MOST_ROUNDS):
        if outcome.sound:
            world.begin()
            outcome = play(world, times)
    return outcome


def test_a_link_written_before_its_create_is_found_out(planted: World) -> None:
    assert until_unsound(planted, "link_before_create", 1).figures.twice > 0


def test_a_missing_intent_is_found_out(planted: World) -> None:
    assert until_unsound(planted, "no_intent", 1).figures.twice > 0


def test_a_lost_connection_taken_for_a_duplicate_is_found_out(planted: World) -> None:
    assert until_unsound(planted, "none_is_duplicate", 6).figures.lost > 0


def test_a_case_that_is_marked_after_its_page_was_kept_is_found_out(planted: World) -> None:
    figures = until_unsound(planted, "case_after_page", 1).figures
    assert figures.lost + figures.unsettled > 0, "a new incident has no ticket, or the tickets of a changed one stay"


def test_a_delivery_that_is_dropped_for_a_missing_key_is_found_out(planted: World) -> None:
    outcome = until_unsound(planted, "unopened_is_done", 1)
    assert outcome.figures.unsettled > 0, "a finding that was told of has no ticket"


def test_a_closing_that_is_believed_before_a_scan_is_found_out(planted: World) -> None:
    outcome = until_unsound(planted, "closing_is_believed", 1)
    assert outcome.figures.unsettled > 0, "a finding is resolved before a scan that began after the closing"


def test_each_bug_that_can_be_planted_has_its_test() -> None:
    assert BUGS.keys() == {
        "link_before_create",
        "no_intent",
        "none_is_duplicate",
        "case_after_page",
        "unopened_is_done",
        "closing_is_believed",
    }
