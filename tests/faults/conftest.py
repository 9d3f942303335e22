"""One stage or one world for each module, and the older tests as many times as `--rounds` says, with another seed."""

import random
from collections.abc import Iterator

import pytest

from chaos.world import World, open_world
from tests.e2e.scene import Scene, open_scene


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "seed" in metafunc.fixturenames:
        metafunc.parametrize("seed", range(metafunc.config.getoption("--rounds")))


@pytest.fixture
def chance(seed: int) -> random.Random:
    """Decides what a test leaves open: the same in the same round."""
    return random.Random(seed)  # noqa: S311 - nobody must be kept from guessing it


@pytest.fixture(scope="module")
def scene() -> Iterator[Scene]:
    """A stage with a receiver. Workers are the tests' own: they do not live long."""
    with open_scene() as scene:
        scene.stage.start_receiver()
        yield scene


@pytest.fixture
def mended(scene: Scene) -> Iterator[None]:
    """No fault of one test happens to the next."""
    yield
    scene.outside.mend()


@pytest.fixture(scope="module")
def shared_world() -> Iterator[World]:
    """What the experiments of a module are played on, one after the other."""
    with open_world(seed=1) as world:
        yield world


@pytest.fixture
def world(shared_world: World) -> World:
    """A world with nothing broken and a journal with nothing in it."""
    shared_world.begin()
    return shared_world
