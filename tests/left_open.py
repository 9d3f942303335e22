"""What a piece of code leaves open, for the collector to find."""

import gc
import warnings
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def noting_what_is_left_open() -> Iterator[list[str]]:
    """The warnings about what was left open, which are there once the block has ended.

    What was left before is collected first, without a word: a socket that was shut down while its TLS began is closed
    by the collector alone, whenever it comes by.
    """
    left: list[str] = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        yield left
        gc.collect()
    left += [str(each.message) for each in told if "unclosed" in str(each.message)]
