import pytest

from chaos.world import World
from tests.faults.playing import DEATHS, FEEDS, LONGEST, RESTARTS, is_sound

pytestmark = pytest.mark.timeout(LONGEST)


@pytest.mark.parametrize("name", DEATHS)
def test_a_process_killed_at_any_line_loses_nothing_and_does_nothing_twice(world: World, name: str) -> None:
    assert is_sound(world, name)


@pytest.mark.parametrize("name", RESTARTS)
def test_stops_and_deaths_under_load_give_nobody_a_bad_answer(world: World, name: str) -> None:
    assert is_sound(world, name)


@pytest.mark.parametrize("name", FEEDS)
def test_workers_killed_at_any_line_of_reading_a_feed_leave_each_incident_its_tickets(world: World, name: str) -> None:
    assert is_sound(world, name)
