"""The present and former site of each tracker: links are worth less after its address leads to another site."""

import json

from remediation.domain.ownership import Site, SiteHistory
from remediation.store.keys import SITE
from remediation.store.server.connection import Connection

_MOST_TRIES = 5
"""Several processes may note the same change at once; a try that fails has seen what another one noted."""


class Sites:
    """The sites of all trackers, by name."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def read(self, tracker: str) -> SiteHistory | None:
        """What is stored; None where no site was noted yet."""
        return _read(await self._text(tracker))

    async def note(self, tracker: str, site: Site, now: float) -> tuple[SiteHistory, bool]:
        """Store that the tracker is this site, and whether it was another one before. Raises StoreUnavailable."""
        known: SiteHistory | None = None
        for _ in range(_MOST_TRIES):
            text = await self._text(tracker)
            known = _read(text)
            after = known.seen(site, now) if known else SiteHistory(site)
            if after == known or await self._connection.run("note_site", tracker, text or b"", _written(after)):
                return after, known is not None and after.since != known.since
        return (known.seen(site, now) if known else SiteHistory(site)), False

    async def _text(self, tracker: str) -> bytes | None:
        text: bytes | None = await self._connection.ask(self._connection.redis.get(SITE + tracker))
        return text


def _written(history: SiteHistory) -> str:
    sites = [history.site] + ([history.before] if history.before else [])
    return json.dumps({"sites": [[each.address, each.id] for each in sites], "since": history.since})


def _read(text: bytes | None) -> SiteHistory | None:
    if text is None:
        return None
    kept = json.loads(text)
    site, *before = (Site(*each) for each in kept["sites"])
    return SiteHistory(site, before[0] if before else None, kept["since"])
