"""Remembers for a short time that our Redis user has all rights, so that not every probe tries a hundred commands."""

import time
from collections.abc import Callable

KNOWN_SECONDS = 10.0
"""Seconds during which a check may miss that a right was taken away."""


class KnownRights:
    """The server for which all rights were found, and until when that counts. A refusal is not remembered."""

    def __init__(self, steady: Callable[[], float] = time.monotonic) -> None:
        self._steady = steady
        self._server = ""
        self._until = 0.0

    def hold(self, server: str) -> bool:
        """Whether it still counts for this server, named by the id of its run; never without an id."""
        return bool(server) and server == self._server and self._steady() < self._until

    def found(self, server: str) -> None:
        """Every right was found on this server."""
        self._server, self._until = server, self._steady() + KNOWN_SECONDS

    def forget(self) -> None:
        """A right was refused."""
        self._server = ""
