"""The present site of each tracker, compared with the site of our links, for commands. Nothing is written."""

import asyncio
from collections.abc import Collection, Mapping

from remediation.domain.errors import OutsideError
from remediation.domain.ownership import Site, SiteHistory
from remediation.mapping.config.schema import Mappings
from remediation.mapping.explain.inspections import Inspection, right, untold
from remediation.ports import Tracker
from remediation.store.server.connection import Connection
from remediation.store.systems import Sites


async def histories_of(connection: Connection, trackers: Mapping[str, Tracker], now: float) -> dict[str, SiteHistory]:
    """The histories as a worker would see them `now`; without trackers whose site was never told.

    Raises StoreUnavailable.
    """
    found = await asyncio.gather(*(site_of(tracker) for tracker in trackers.values()))
    known = await remembered(connection, trackers)
    sites = {name: site for name, site in zip(trackers, found, strict=True) if site is not None}
    untold = {name: history.untold(trackers[name].address) for name, history in known.items() if name not in sites}
    return untold | {
        name: history.seen(site, now) if (history := known.get(name)) else SiteHistory(site)
        for name, site in sites.items()
    }


async def remembered(connection: Connection, trackers: Mapping[str, object]) -> dict[str, SiteHistory]:
    """The histories that workers have noted for these trackers. Raises StoreUnavailable."""
    sites = Sites(connection)
    return {name: history for name in trackers if (history := await sites.read(name))}


LINKS_ELSEWHERE = (
    "a link counts here only where the ticket carries our mark, and the other tickets are unseen; "
    "correct the url, or name that site under former_sites if its tickets are given up"
)
"""What follows from links that were made on another site, and what to do."""


def left_site(known: SiteHistory, site: Site, former_sites: Collection[str]) -> Site | None:
    """The site that the tracker was before it was `site`, where mappings.yaml does not give its tickets up; or None."""
    before = known.before if known.site.is_same(site) else known.site
    return None if before is None or before.key in former_sites else before


async def site_of(tracker: Tracker) -> Site | None:
    """The tracker's present site; None where it does not tell."""
    try:
        return await tracker.site()
    except OutsideError:
        return None


class SiteInspector:
    """Inspects one thing: whether the tracker is the site on which our links were made."""

    def __init__(self, tracker: Tracker, known: SiteHistory) -> None:
        self._tracker = tracker
        self._known = known

    async def inspect(self, mappings: Mappings) -> tuple[Inspection, ...]:
        """The answer, if the tracker tells its site."""
        where, site = ("trackers", self._tracker.name, "url"), await site_of(self._tracker)
        if site is None:
            return ()
        former = left_site(self._known, site, mappings.trackers[self._tracker.name].former_sites)
        if former is None:
            return (right(where, "is the site on which our links were made"),)
        words = f"this is {site.key}, and our links were made on {former.key}"
        return (untold(where, words, LINKS_ELSEWHERE),)

    async def close(self) -> None:
        """Close the tracker."""
        await self._tracker.close()
