"""Which site each tracker is, held against the one that our links are of, for commands: nothing is written."""

import asyncio
from collections.abc import Mapping

from remediation.domain.errors import OutsideError
from remediation.domain.sites import Site, SiteHistory
from remediation.mapping.config.schema import Mappings
from remediation.mapping.explain.inspections import Inspection, right, untold
from remediation.mapping.reading.loading import Loaded
from remediation.ports import Tracker
from remediation.store.server.connection import Connection
from remediation.store.sites import Sites
from remedy.from_store import from_store


async def histories_of(connection: Connection, trackers: Mapping[str, Tracker], now: float) -> dict[str, SiteHistory]:
    """As a worker would see them `now`; those that never told are left out. Raises StoreUnavailable."""
    found = await asyncio.gather(*(site_of(tracker) for tracker in trackers.values()))
    known = await remembered(connection, trackers)
    sites = {name: site for name, site in zip(trackers, found, strict=True) if site is not None}
    return known | {
        name: history.seen(site, now) if (history := known.get(name)) else SiteHistory(site)
        for name, site in sites.items()
    }


async def remembered(connection: Connection, trackers: Mapping[str, object]) -> dict[str, SiteHistory]:
    """What workers have noted of these trackers. Raises StoreUnavailable."""
    sites = Sites(connection)
    return {name: history for name in trackers if (history := await sites.read(name))}


async def site_of(tracker: Tracker) -> Site | None:
    """The site that the tracker is now; None where it does not tell."""
    try:
        return await tracker.site()
    except OutsideError:
        return None


def sites_remembered(loaded: Loaded) -> dict[str, SiteHistory]:
    """What workers have noted of the file's trackers; nothing where there is no Redis, or it does not tell."""

    async def ask(connection: Connection) -> dict[str, SiteHistory]:
        return await remembered(connection, loaded.mappings.trackers)

    return from_store(ask, {})


class SiteInspector:
    """The `Inspector` of one question about a tracker: is it the site on which our links were made?"""

    def __init__(self, tracker: Tracker, known: SiteHistory) -> None:
        self._tracker = tracker
        self._known = known

    async def inspect(self, mappings: Mappings) -> tuple[Inspection, ...]:
        """The answer, if the tracker tells which site it is."""
        del mappings
        where, site = ("trackers", self._tracker.name, "url"), await site_of(self._tracker)
        if site is None:
            return ()
        if self._known.site.is_same(site):
            return (right(where, "is the site on which our links were made"),)
        words = f"this is {site.key}, and our links were made on {self._known.site.key}"
        return (untold(where, words, "a link counts here only where the ticket carries our mark; is the url right?"),)

    async def close(self) -> None:
        """Let go of the tracker."""
        await self._tracker.close()
