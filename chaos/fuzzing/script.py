"""A fuzzer's bytes, read as choices. They never run out: after the last one everything is 0."""

from collections.abc import Sequence
from typing import TypeVar

Choice = TypeVar("Choice")


class Script:
    """Reads one input from its begin to its end."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    @property
    def is_over(self) -> bool:
        """Whether everything is read."""
        return self._at >= len(self._data)

    def number(self, limit: int) -> int:
        """From 0 up to, and without, a limit of at most 256."""
        byte = 0 if self.is_over else self._data[self._at]
        self._at += 1
        return byte % limit

    def one_of(self, choices: Sequence[Choice]) -> Choice:
        """One of at most 256."""
        return choices[self.number(len(choices))]

    def literal(self, limit: int = 64) -> bytes:
        """Up to so many bytes as they stand, and fewer than 256."""
        size = self.number(limit + 1)
        found = self._data[self._at : self._at + size]
        self._at += size
        return found

    def rest(self) -> bytes:
        """All that is left."""
        found, self._at = self._data[self._at :], len(self._data)
        return found
