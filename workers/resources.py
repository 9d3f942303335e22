"""All that a worker holds open. Built by hand in the composition root, closed in one place."""

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from remediation.errors import Refused
from remediation.ports import Rulebook, Source, Tracker
from remediation.sealing import Keyring
from remediation.store.connection import Connection
from remediation.store.inbox import Inbox
from remediation.store.parked import ParkedWork
from remediation.store.scans import Scans
from remediation.store.todo import Todo


@dataclass(frozen=True, slots=True)
class Desk:
    """What jobs work with. `sources` are by district, `trackers` by name; `clock` answers Unix seconds."""

    connection: Connection
    todo: Todo
    inbox: Inbox
    scans: Scans
    parked: ParkedWork
    sources: Mapping[str, Source]
    trackers: Mapping[str, Tracker]
    rulebook: Rulebook
    clock: Callable[[], float]
    chance: random.Random

    def source(self, district: str) -> Source:
        """The district's SchoolScan account. Raises Refused where mappings.yaml has no such district (any more)."""
        if district not in self.sources:
            raise Refused(district, "no such district in mappings.yaml")
        return self.sources[district]


def desk_on(
    connection: Connection,
    keyring: Keyring,
    sources: Mapping[str, Source],
    trackers: Mapping[str, Tracker],
    rulebook: Rulebook,
    clock: Callable[[], float],
) -> Desk:
    """A desk whose stores all use one connection."""
    return Desk(
        connection=connection,
        todo=Todo(connection),
        inbox=Inbox(connection, keyring),
        scans=Scans(connection),
        parked=ParkedWork(connection, keyring),
        sources=sources,
        trackers=trackers,
        rulebook=rulebook,
        clock=clock,
        chance=random.SystemRandom(),
    )
