"""One stage for each module of tests: a receiver, a worker, and the world outside."""

from collections.abc import Iterator

import pytest

from tests.e2e.scene import Scene, open_scene


@pytest.fixture(scope="module")
def scene() -> Iterator[Scene]:
    with open_scene() as scene:
        scene.stage.start_receiver()
        scene.start_worker()
        yield scene
