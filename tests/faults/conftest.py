"""One stage for each module, and every test as many times as `--rounds` says, each time with another seed."""

import random
from collections.abc import Iterator

import pytest

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


@pytest.fixture(autouse=True)
def mended(scene: Scene) -> Iterator[None]:
    """No fault of one test happens to the next."""
    yield
    scene.outside.mend()
