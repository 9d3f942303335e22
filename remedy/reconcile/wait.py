"""Waiting for workers to look at the cases that reconciling has marked."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

from remediation.domain.actions import ActionName
from remediation.read_model.cases.words import cause_of_wait
from remediation.store.cases.entries import Acted, Doubted, PutOff, Seen, SetAside, Settled
from remediation.store.cases.standings import Stand, Standing, Standings
from remediation.store.cases.timeline import Timeline
from remedy.reconcile.patience import Patience, Systems
from remedy.reconcile.walk import Sleep

_PAUSE = 0.5
_ASKED_A_SECOND = 5_000
"""Cases per question: asking about many at once would delay the workers' own calls to Redis."""

_AT_ONCE = 500
_LAST_ENTRIES = 50
"""Entries of a timeline that are read: an outage of days is one entry, and few follow it."""

_LONELY_AFTER = 10.0
NOBODY = "No worker is at work, so nothing is looked at. Start one: remedy run worker"


@dataclass(frozen=True, slots=True)
class WaitOutcome:
    """The standing of a case when the wait for it ends, and what was done about it meanwhile.

    `held_up_by` are the systems that put it off, as far as its timeline tells, and `because` is what the last of them
    did; `doubted` are the linked tickets that turned out not to carry its mark.
    """

    standing: Standing
    done: tuple[Acted, ...] = ()
    held_up_by: Systems = ()
    doubted: tuple[Doubted, ...] = ()
    because: str = ""

    @property
    def ref(self) -> str:
        """The case."""
        return self.standing.ref


@dataclass(frozen=True, slots=True)
class CaseWaiter:
    """Waits for cases to come to rest. `clock` returns Unix seconds; `patience` is how long nothing may move."""

    standings: Standings
    timeline: Timeline
    begun: str
    patience: float
    clock: Callable[[], float]
    say: Callable[[str], None]
    sleep: Sleep = asyncio.sleep

    async def outcomes(self, refs: list[str]) -> AsyncIterator[WaitOutcome]:
        """Every case, as soon as it is at rest or the wait for it ends."""
        patience, told = Patience(self.patience, self.clock()), False
        while refs:
            stands, now = await self._stands(refs), self.clock()
            await self._note(stands, patience, now)
            lonely = now - patience.moved_at >= min(_LONELY_AFTER, self.patience)
            if lonely and not told and not await self.standings.anybody_at_work():
                self.say(NOBODY)
                told = True
            ended = {each.ref: each for each in stands if _is_at_rest(each) or patience.is_over(each, now)}
            for standing in ended.values():
                yield await self._outcome(standing)
            refs = [each.ref for each in stands if each.ref not in ended]
            if refs:
                await self.sleep(_PAUSE + len(refs) / _ASKED_A_SECOND)

    async def _stands(self, refs: list[str]) -> list[Standing]:
        parts = [await self.standings.of(refs[at : at + _AT_ONCE]) for at in range(0, len(refs), _AT_ONCE)]
        return [standing for part in parts for standing in part]

    async def _note(self, stands: list[Standing], patience: Patience, now: float) -> None:
        """What is new since the last time."""
        for each in stands:
            if patience.is_put_off_anew(each):
                patience.put_off(each, await self._systems_that_held_up(each.ref), now)
        patience.settled([each.ref for each in stands if _is_at_rest(each)], now)

    async def _systems_that_held_up(self, ref: str) -> Systems:
        """The systems that the case waits for since it was last at rest: the last ones in its timeline."""
        for entry in reversed(await self.timeline.read(ref, _LAST_ENTRIES)):
            match entry:
                case PutOff(system=system) if system:
                    return (system,)
                case Seen(unseen=unseen) if unseen:
                    return unseen
                case Acted(action=action, outcome="later") if tracker := ActionName.parse(action).tracker:
                    return (tracker,)
                case Settled() | SetAside():
                    break
                case _:
                    pass
        return ()

    async def _outcome(self, standing: Standing) -> WaitOutcome:
        told = [told.entry async for told in self.timeline.since(standing.ref, self.begun)]
        done = tuple(each for each in told if isinstance(each, Acted) and each.outcome == "done")
        is_held_up = standing.stand is Stand.PUT_OFF
        held_up_by = await self._systems_that_held_up(standing.ref) if is_held_up else ()
        doubted = tuple(each for each in told if isinstance(each, Doubted))
        return WaitOutcome(standing, done, held_up_by, doubted, await self._cause(standing) if is_held_up else "")

    async def _cause(self, standing: Standing) -> str:
        """What put the case off last, in words; empty where its timeline does not tell."""
        told = await self.timeline.read(standing.ref, _LAST_ENTRIES)
        return next((cause_of_wait(each) for each in reversed(told) if isinstance(each, PutOff)), "")


def _is_at_rest(standing: Standing) -> bool:
    return standing.stand is Stand.SETTLED
