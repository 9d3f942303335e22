"""Where tickets of ours may be besides where new ones go: read from the links when a poll needs it."""

from collections.abc import Callable
from dataclasses import dataclass, field

from remediation.ports import Tracker
from remediation.store.cases.places import linked_places
from remediation.store.server.connection import Connection

GOOD_FOR = 3_600.0
"""Seconds until the links are read again: a new mappings.yaml begins anew, and no link is ever made elsewhere."""


@dataclass(frozen=True, slots=True)
class TicketPlaces:
    """The former places of each tracker; `clock` answers Unix seconds."""

    connection: Connection
    clock: Callable[[], float]
    _known: dict[str, tuple[float, tuple[str, ...]]] = field(default_factory=dict, init=False)

    async def former(self, tracker: Tracker) -> tuple[str, ...]:
        """Those of the tracker. Raises StoreUnavailable."""
        until, places = self._known.get(tracker.name, (0.0, ()))
        if until <= self.clock():
            places = tracker.former_places((await linked_places(self.connection, tracker.name)).keys())
            self._known[tracker.name] = self.clock() + GOOD_FOR, places
        return places
