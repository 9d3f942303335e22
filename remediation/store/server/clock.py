"""One clock for all processes that use the same Redis: Redis's own.

What one worker stores with a time, another compares with its own time: when a create was about to be sent, when a case
is due. With the clocks of their machines, the intent of a worker whose clock is behind would be past its horizon before
its ticket can be found, and a second ticket would be opened.
"""

import time
from collections.abc import Callable

from remediation.store.server.connection import Connection


class SharedClock:
    """Returns Unix seconds as Redis counts them; the machine's until Redis was asked for the first time.

    Between two answers it follows the monotonic clock: changing the machine's clock does not move it. An answer is true
    at some moment between the question and its arrival: a clock that is within these limits stays as it is.
    """

    def __init__(
        self,
        connection: Connection,
        *,
        machine: Callable[[], float] = time.time,
        steady: Callable[[], float] = time.monotonic,
    ) -> None:
        self._connection = connection
        self._machine, self._steady = machine, steady
        self._ahead = machine() - steady()
        self._is_set = False

    def __call__(self) -> float:
        """Unix seconds now."""
        return self._steady() + self._ahead

    async def set(self) -> None:
        """Ask Redis for the time. Raises StoreUnavailable; then the clock goes on as before."""
        began = self._steady()
        seconds, microseconds = await self._connection.ask(self._connection.redis.time())
        ended = self._steady()
        earliest = seconds + microseconds / 1e6
        latest = earliest + ended - began
        now = ended + self._ahead if self._is_set else (earliest + latest) / 2
        self._ahead = min(max(now, earliest), latest) - ended
        self._is_set = True

    @property
    def difference(self) -> float:
        """Seconds by which this machine's clock is behind Redis's; negative where it is ahead."""
        return self() - self._machine()
