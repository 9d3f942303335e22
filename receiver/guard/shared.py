"""What all connections of one server share."""

from collections.abc import Callable
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

from receiver.guard.budget import HttpLimits
from receiver.guard.places import Places
from receiver.guard.refusals import Refusals


@dataclass(slots=True)
class Guard:
    """The guard of one server: the limits of each connection, the places, and the refusals."""

    limits: HttpLimits
    places: Places[Any]
    refusals: Refusals

    @classmethod
    def of(cls, limits: HttpLimits, connections: int, most_bytes: int, clock: Callable[[], float]) -> "Guard":
        """A guard for so many connections, whose unanswered requests have at most so many bytes.

        `clock` is monotonic.
        """
        return cls(limits, Places(connections, most_bytes, attrgetter("is_at_work")), Refusals(clock))

    @property
    def longest_nap(self) -> float:
        """Seconds: no deadline of a waiting connection is nearer than this."""
        return min(self.limits.head_seconds, self.limits.idle_seconds)
