import pytest

from chaos.world import World
from tests.faults.playing import LINKS, LONGEST, SYSTEMS, is_sound

pytestmark = pytest.mark.timeout(LONGEST)


@pytest.mark.parametrize("name", LINKS)
def test_a_link_to_redis_that_breaks_loses_nothing_and_does_nothing_twice(world: World, name: str) -> None:
    assert is_sound(world, name)


@pytest.mark.parametrize("name", SYSTEMS)
def test_whatever_the_outside_answers_every_case_settles_with_one_ticket_in_each_tracker(
    world: World, name: str
) -> None:
    assert is_sound(world, name)
