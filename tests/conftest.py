"""What holds for every test."""

import gc
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# A machine that is busy with other tests is slow; how fast things are is measured in bench/.
settings.register_profile("remedy", deadline=None, suppress_health_check=[HealthCheck.too_slow])
# `make test` tries all, .ci/run half; `make unit` and `make matrix` try a quarter.
settings.register_profile("half", settings.get_profile("remedy"), max_examples=50)
settings.register_profile("quick", settings.get_profile("remedy"), max_examples=25)
settings.load_profile("remedy")

gc.set_threshold(50_000)
"""Objects between two collections, far more than usual: the fixture below collects after each module, and most of what
tests make is freed without the collector."""


_TESTS = Path(__file__).parent


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--rounds", type=int, default=1, help="How often faults and random histories are played.")
    parser.addoption("--write-store", default="", help="The name of a store's file that is to be written (see tests/).")
    parser.addoption(
        "--write-pictures", action="store_true", help="Write anew the pictures of the console (docs/console, build)."
    )
    parser.addoption(
        "--write-golden", action="store_true", help="Write anew what commands show (tests/integration/golden)."
    )


DEAREST = ("image", "faults", "console", "e2e", "worlds", "integration", "chart", "contract")
"""Folders of tests, from the one whose files take longest; all others, whose files take seconds, come after them."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes long is begun first: at the end no process has a long file left while the others have nothing."""
    places = {folder: place for place, folder in enumerate(DEAREST)}
    items.sort(key=lambda item: places.get(item.path.relative_to(_TESTS).parts[0], len(DEAREST)))


def pytest_collection_finish() -> None:
    """What collecting made lives to the end: the collector need not walk through it again for each module."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="module", autouse=True)
def _collected() -> Iterator[None]:
    """What a module leaves open fails that module, not whichever test runs when the collector comes by."""
    yield
    gc.collect()
    gc.freeze()  # what is alive after a module stays alive: the next module's end need not walk through it again
