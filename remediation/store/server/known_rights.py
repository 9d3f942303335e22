"""That our user may do everything was found a short while ago: so that not every probe tries a hundred orders."""

import time
from collections.abc import Callable

KNOWN_SECONDS = 10.0
"""For so long a right that was taken away may stay unnoticed by whoever only asks whether all is well."""


class KnownRights:
    """For which server it was found, and until when it counts. Of what was refused nothing is remembered."""

    def __init__(self, steady: Callable[[], float] = time.monotonic) -> None:
        self._steady = steady
        self._server = ""
        self._until = 0.0

    def hold(self, server: str) -> bool:
        """Whether it still counts for this server, named by its own id of this run; never without one."""
        return bool(server) and server == self._server and self._steady() < self._until

    def found(self, server: str) -> None:
        """Everything is allowed on this server."""
        self._server, self._until = server, self._steady() + KNOWN_SECONDS

    def forget(self) -> None:
        """Something was refused."""
        self._server = ""
