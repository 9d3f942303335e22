"""Waiting for what must come true, with an end."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

SECONDS = 30.0
_PAUSE = 0.03


def becomes(read: Callable[[], T], wanted: T, seconds: float = SECONDS) -> None:
    """Wait until what is read is what is wanted. Raises AssertionError with what it is instead."""
    deadline = time.monotonic() + seconds
    while (seen := read()) != wanted:
        if time.monotonic() > deadline:
            raise AssertionError(f"after {seconds:.0f} s it is {seen!r}, not {wanted!r}")
        time.sleep(_PAUSE)


def eventually(read: Callable[[], T], seconds: float = SECONDS) -> T:
    """The first answer that is true, waited for. Raises AssertionError."""
    deadline = time.monotonic() + seconds
    while not (seen := read()):
        if time.monotonic() > deadline:
            raise AssertionError(f"after {seconds:.0f} s it is still {seen!r}")
        time.sleep(_PAUSE)
    return seen
