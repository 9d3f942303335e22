"""What holds for every test."""

import gc
from collections.abc import Iterator

import pytest
from hypothesis import settings

# A machine that is busy with other tests is slow; how fast things are is measured in bench/.
settings.register_profile("remedy", deadline=None)
settings.load_profile("remedy")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--rounds", type=int, default=1, help="How often faults and random histories are played.")
    parser.addoption("--write-store", default="", help="The name of a store's file that is to be written (see tests/).")


@pytest.fixture(scope="module", autouse=True)
def _collected() -> Iterator[None]:
    """What a module leaves open fails that module, not whichever test runs when the collector comes by."""
    yield
    gc.collect()
