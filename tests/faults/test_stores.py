import pytest

from chaos.world import World
from tests.faults.playing import LONGEST, STORES, WIPES, is_sound

pytestmark = pytest.mark.timeout(LONGEST)


@pytest.mark.parametrize("name", STORES)
def test_a_store_in_trouble_never_makes_a_202_without_a_row(world: World, name: str) -> None:
    assert is_sound(world, name)


@pytest.mark.parametrize("name", WIPES)
def test_after_a_wipe_every_ticket_is_found_by_its_mark_and_none_is_opened_twice(world: World, name: str) -> None:
    assert is_sound(world, name)
