"""Where each tracker and its tickets are: its present site, and the former places of its tickets.

Both are read when they are needed, and again after some time.
"""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

import structlog

from remediation.domain.errors import OutsideError
from remediation.domain.ownership import SiteHistory
from remediation.ports import Tracker
from remediation.store.cases.links import linked_places
from remediation.store.server.connection import Connection
from remediation.store.systems import Sites

logger = structlog.get_logger()

GOOD_FOR = 600.0
"""Seconds until a tracker is asked again: an address may lead elsewhere although mappings.yaml is unchanged."""

ASKED_AGAIN_AFTER = 60.0
"""Seconds until a tracker that did not answer is asked again."""

UNTOLD_ASKED_AGAIN_AFTER = 3.0
"""The same where its cases wait for the answer, because it has another address now (see SiteHistory.is_told)."""

_PATIENCE = 5.0
"""Seconds that a look waits for the answer. After that it uses the site that is stored."""


_PLACES_GOOD_FOR = 3_600.0
"""Seconds until links are read again. A new mappings.yaml begins anew, and links are made in no other place."""


@dataclass(frozen=True, slots=True)
class _KeptAnswer:
    """The answer, if there was one, and until when (Unix seconds) it is used."""

    history: SiteHistory | None
    good_until: float


class TrackerSites:
    """The sites of these trackers. A change is stored in Redis, and logged by the one worker that notices it first.

    Where a tracker does not answer, the site that it last told to any worker counts, unless the tracker has another
    address now: then it may be another site.
    """

    def __init__(self, connection: Connection, trackers: Mapping[str, Tracker], clock: Callable[[], float]) -> None:
        self._sites = Sites(connection)
        self._trackers = trackers
        self._clock = clock
        self._answers: dict[str, _KeptAnswer] = {}
        self._turns: dict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def of(self, names: Iterable[str]) -> dict[str, SiteHistory]:
        """The sites of those trackers that ever told theirs. Raises StoreUnavailable."""
        asked = [name for name in names if name in self._trackers]
        histories = await asyncio.gather(*map(self._history, asked))
        return {name: history for name, history in zip(asked, histories, strict=True) if history is not None}

    async def _history(self, name: str) -> SiteHistory | None:
        async with self._turns[name]:
            known = self._answers.get(name)
            if known is None or known.good_until <= self._clock():
                known = self._answers[name] = await self._asked(name, known.history if known else None)
            return known.history

    async def _asked(self, name: str, before: SiteHistory | None) -> _KeptAnswer:
        try:
            async with asyncio.timeout(_PATIENCE):
                site = await self._trackers[name].site()
        except (OutsideError, TimeoutError):
            if (known := before or await self._sites.read(name)) is not None:
                known = known.untold(self._trackers[name].address)
            again = ASKED_AGAIN_AFTER if known is None or known.is_told else UNTOLD_ASKED_AGAIN_AFTER
            return _KeptAnswer(known, self._clock() + again)
        history, is_another = await self._sites.note(name, site, self._clock())
        if is_another:
            logger.warning("tracker_site_changed", tracker=name, address=history.site.key)
        return _KeptAnswer(history, self._clock() + GOOD_FOR)


@dataclass(frozen=True, slots=True)
class TicketPlaces:
    """The former places of each tracker: besides the place for new tickets, those in which links say that tickets are.

    `clock` returns Unix seconds.
    """

    connection: Connection
    clock: Callable[[], float]
    _known: dict[str, tuple[float, tuple[str, ...]]] = field(default_factory=dict, init=False)

    async def former(self, tracker: Tracker) -> tuple[str, ...]:
        """The former places of one tracker. Raises StoreUnavailable."""
        until, places = self._known.get(tracker.name, (0.0, ()))
        if until <= self.clock():
            places = tracker.former_places((await linked_places(self.connection, tracker.name)).keys())
            self._known[tracker.name] = self.clock() + _PLACES_GOOD_FOR, places
        return places
