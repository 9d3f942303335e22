"""What a piece of code leaves open, for the collector to find."""

import gc
import warnings
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def noting_what_is_left_open() -> Iterator[list[str]]:
    """The warnings about what was left open, which are there once the block has ended."""
    left: list[str] = []
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        yield left
        gc.collect()
    left += [str(each.message) for each in told if "unclosed" in str(each.message)]
