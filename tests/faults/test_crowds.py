import importlib.util

import pytest

from chaos.experiments import EXPERIMENTS
from chaos.world import World
from tests.faults.playing import CLOCKS, CROWDS, EVERY, INPUTS, KEYS, LONGEST, is_sound

pytestmark = pytest.mark.timeout(LONGEST)


@pytest.mark.parametrize("name", CROWDS)
def test_crowds_repeats_and_any_order_give_one_ticket_for_each_case_and_tracker(world: World, name: str) -> None:
    assert is_sound(world, name)


@pytest.mark.parametrize("name", KEYS)
def test_deliveries_whose_key_is_away_wait_for_it_and_none_is_lost(world: World, name: str) -> None:
    assert is_sound(world, name)


@pytest.mark.parametrize("name", CLOCKS)
def test_clocks_that_differ_and_days_that_pass_change_nothing(world: World, name: str) -> None:
    assert is_sound(world, name)


@pytest.mark.parametrize("name", INPUTS)
def test_whatever_strangers_send_the_promises_hold(world: World, name: str) -> None:
    if importlib.util.find_spec("atheris") is None:
        pytest.skip("atheris is not installed, as `make chaos` does it where it can be had")
    assert is_sound(world, name)


def test_each_experiment_with_a_short_form_is_played_by_one_test() -> None:
    assert sorted(EVERY) == sorted(each.name for each in EXPERIMENTS if each.short)
