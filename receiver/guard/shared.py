"""What all connections of one server share."""

from dataclasses import dataclass
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

    @property
    def longest_nap(self) -> float:
        """Seconds: no wait of a connection for its sender is shorter."""
        return min(self.limits.head_seconds, self.limits.idle_seconds)
