"""Former places of tickets: besides the place for new tickets, the places in which links say that there are tickets."""

from collections.abc import Callable
from dataclasses import dataclass, field

from remediation.ports import Tracker
from remediation.store.cases.places import linked_places
from remediation.store.server.connection import Connection

GOOD_FOR = 3_600.0
"""Seconds until the links are read again. A new mappings.yaml begins anew, and links are made in no other place."""


@dataclass(frozen=True, slots=True)
class TicketPlaces:
    """The former places of each tracker; `clock` returns Unix seconds."""

    connection: Connection
    clock: Callable[[], float]
    _known: dict[str, tuple[float, tuple[str, ...]]] = field(default_factory=dict, init=False)

    async def former(self, tracker: Tracker) -> tuple[str, ...]:
        """The former places of one tracker. Raises StoreUnavailable."""
        until, places = self._known.get(tracker.name, (0.0, ()))
        if until <= self.clock():
            places = tracker.former_places((await linked_places(self.connection, tracker.name)).keys())
            self._known[tracker.name] = self.clock() + GOOD_FOR, places
        return places
