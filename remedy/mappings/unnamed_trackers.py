"""Trackers that mappings.yaml does not name (any more) and in which cases have tickets, for commands. Reads only."""

from collections.abc import Mapping
from dataclasses import dataclass

from remediation.mapping.config.trackers.tracker_settings import TrackerSettings, former_names_of
from remediation.mapping.explain.inspections import Inspection, untold
from remediation.mapping.reading.loading import Loaded
from remediation.read_model.wording import by_count, count_words
from remediation.store.cases.dependents import KnownTracker, known_trackers
from remediation.store.server.connection import Connection
from remedy.from_store import from_store

ADVICE = "name it again, or name it under formerly of the tracker that it is now"


@dataclass(frozen=True, slots=True)
class UnnamedTracker:
    """One of them."""

    known: KnownTracker

    @property
    def says(self) -> str:
        """How many cases cannot be observed completely without it, in words."""
        known = self.known
        have = f"{count_words(known.cases, 'case')} {by_count(known.cases, 'has', 'have')}"
        cases = f"{have} tickets in {known.name}, which the file does not name"
        were, are = by_count(known.held_up, "was", "were"), by_count(known.held_up, "is", "are")
        held = f"; {known.held_up:,} {were} looked at without it, and {are} held up" if known.held_up else ""
        return f"{cases}{held}"

    @property
    def inspection(self) -> Inspection:
        """The same as an inspection of `trackers`. Nothing was asked, so nothing is proven wrong."""
        return untold(("trackers",), self.says, ADVICE)


async def unnamed_trackers(connection: Connection, trackers: Mapping[str, TrackerSettings]) -> list[UnnamedTracker]:
    """The trackers that are neither among these names nor among their former ones. Raises StoreUnavailable."""
    named = {*trackers, *former_names_of(trackers)}
    return [
        UnnamedTracker(each) for each in await known_trackers(connection) if each.name not in named and each.is_used
    ]


def unnamed_trackers_remembered(loaded: Loaded) -> list[Inspection]:
    """The inspections; none where there is no Redis, or it does not answer."""

    async def ask(connection: Connection) -> list[Inspection]:
        return [each.inspection for each in await unnamed_trackers(connection, loaded.mappings.trackers)]

    return from_store(ask, [])
