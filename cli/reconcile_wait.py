"""Waiting for workers to look at what reconciling has marked, and what came of it."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

from cli.reconcile_walk import Sleep
from remediation.store.entries import Acted
from remediation.store.standings import Stand, Standing, Standings
from remediation.store.timeline import Timeline

_PAUSE = 0.5
_ASKED_A_SECOND = 5_000
"""Cases: asking about many takes Redis away from those who work on them."""

_AT_ONCE = 500
_LONELY_AFTER = 10.0
NOBODY = "No worker is at work, so nothing is looked at. Start one: remedy run worker"


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a case stands when we stop waiting for it, and what was done about it meanwhile."""

    standing: Standing
    done: tuple[Acted, ...] = ()

    @property
    def ref(self) -> str:
        """The case."""
        return self.standing.ref


@dataclass(frozen=True, slots=True)
class Waiting:
    """Waits for cases to come to rest. `clock` answers Unix seconds; `patience` is how long nothing may move."""

    standings: Standings
    timeline: Timeline
    begun: str
    patience: float
    clock: Callable[[], float]
    say: Callable[[str], None]
    sleep: Sleep = asyncio.sleep

    async def outcomes(self, refs: list[str]) -> AsyncIterator[Outcome]:
        """Every case, as soon as it is at rest; those that are not when our patience ends, then."""
        remaining, moved_at, unlooked, told = list(refs), self.clock(), len(refs) + 1, False
        while remaining:
            stands = await self._stands(remaining)
            for standing in stands:
                if standing.stand is Stand.SETTLED:
                    yield await self._outcome(standing)
            remaining = [each.ref for each in stands if each.stand is not Stand.SETTLED]
            still = sum(each.stand is not Stand.PUT_OFF for each in stands if each.stand is not Stand.SETTLED)
            if len(remaining) < len(stands) or still < unlooked:
                moved_at, unlooked = self.clock(), still
            idle = self.clock() - moved_at
            if idle >= min(_LONELY_AFTER, self.patience) and not told and not await self.standings.anybody_at_work():
                self.say(NOBODY)
                told = True
            if idle > self.patience:
                break
            if remaining:
                await self.sleep(_PAUSE + len(remaining) / _ASKED_A_SECOND)
        for standing in await self._stands(remaining):
            yield await self._outcome(standing)

    async def _stands(self, refs: list[str]) -> list[Standing]:
        parts = [await self.standings.of(refs[at : at + _AT_ONCE]) for at in range(0, len(refs), _AT_ONCE)]
        return [standing for part in parts for standing in part]

    async def _outcome(self, standing: Standing) -> Outcome:
        told = [told.entry async for told in self.timeline.since(standing.ref, self.begun)]
        return Outcome(standing, tuple(each for each in told if isinstance(each, Acted) and each.outcome == "done"))
