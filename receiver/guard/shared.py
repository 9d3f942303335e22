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
    """The guard of one server: what each connection may use, who is connected, and who was refused."""

    limits: HttpLimits
    places: Places[Any]
    refusals: Refusals

    @classmethod
    def of(cls, limits: HttpLimits, connections: int, most_bytes: int, clock: Callable[[], float]) -> "Guard":
        """A guard over so many connections, whose unanswered requests have so many bytes. The clock is a steady one."""
        return cls(limits, Places(connections, most_bytes, attrgetter("is_at_work")), Refusals(clock))

    @property
    def longest_nap(self) -> float:
        """Seconds: no wait of a connection for its sender is shorter."""
        return min(self.limits.head_seconds, self.limits.idle_seconds)
