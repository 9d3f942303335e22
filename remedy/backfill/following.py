"""Following a backfill: until its list has ended and its cases are at rest, or nothing moves any more."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from remediation.read_model.backfills import estimate_words, time_of_writes
from remediation.read_model.wording import by_count, count_words
from remediation.store.scans.backfills import Backfill, BackfillState, parked_name
from remedy.backfill.stores import BackfillStores
from remedy.reconcile.report import Bar, Screen
from remedy.reconcile.wait import NOBODY
from remedy.runtime.failures import ExitCode

_PAUSE = 1.0
_LONELY_AFTER = 10.0
"""Seconds between two questions to Redis, and without a worker until that is said."""


@dataclass(frozen=True, slots=True)
class BackfillStanding:
    """A backfill, how many cases of its district wait for a look, and how many writes a minute its account has."""

    backfill: Backfill
    waiting: int
    a_minute: int

    @property
    def is_listing(self) -> bool:
        """Whether its list goes on."""
        return self.backfill.state is BackfillState.LISTING

    @property
    def is_parked(self) -> bool:
        """Whether its list was refused, and a person has to decide."""
        return self.backfill.state is BackfillState.PARKED

    @property
    def code(self) -> ExitCode:
        """What it has to say to scripts that have waited for it."""
        if self.backfill.state in {BackfillState.PARKED, BackfillState.CANCELLED}:
            return ExitCode.FAILED
        return ExitCode.UNREACHABLE if self.is_listing or self.waiting else ExitCode.DONE

    def lines(self, district: str) -> list[str]:
        """What follows for people."""
        if self.is_parked:
            name = parked_name(district)
            return [f"Why: remedy parked show {name}. remedy parked replay {name} goes on with it, discard ends it."]
        if not self.waiting:
            return [] if self.is_listing else [f"No case of {district} waits for a look."]
        writes = estimate_words(self.waiting, self.a_minute)
        wait = f"{count_words(self.waiting, 'case')} of {district} {by_count(self.waiting, 'waits', 'wait')} for a look"
        return [f"{wait}, one write each at the most: {writes}."]

    def json(self) -> dict[str, Any]:
        """The same for programs."""
        seconds = time_of_writes(self.waiting, self.a_minute).total_seconds()
        return {"waiting": self.waiting, "writes_a_minute": self.a_minute, "estimate_s": int(seconds)}


async def standing_of(stores: BackfillStores, district: str) -> BackfillStanding | None:
    """Where the district's last backfill stands; None where there is none."""
    backfill = await stores.backfills.read(district)
    if backfill is None:
        return None
    return BackfillStanding(backfill, await stores.waiting(district), await stores.writes_a_minute(district))


async def follow(
    stores: BackfillStores,
    district: str,
    screen: Screen,
    patience: timedelta,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> BackfillStanding | None:
    """Wait until nothing is left to do, or nothing has moved for as long as `patience` says; how it stands then.

    One that is parked is not waited for.
    """
    following = _Following(stores, district, screen, patience.total_seconds(), sleep)
    with screen.bar("findings listed", None) as bar:
        standing = await following.until(lambda now: not now.is_listing, lambda now: now.backfill.listed, bar)
    if standing is None or standing.is_listing or standing.is_parked or not standing.waiting:
        return standing
    screen.say(standing.lines(district)[0])
    first = standing.waiting
    with screen.bar("cases looked at", first) as bar:
        return await following.until(lambda now: not now.waiting, lambda now: first - now.waiting, bar)


@dataclass(slots=True)
class _Following:
    stores: BackfillStores
    district: str
    screen: Screen
    patience: float
    sleep: Callable[[float], Awaitable[None]]
    is_told: bool = False

    async def until(
        self, has_ended: Callable[[BackfillStanding], bool], count: Callable[[BackfillStanding], int], bar: Bar
    ) -> BackfillStanding | None:
        """How it stands at that end, or once nothing has moved for too long. `count` is what the bar shows."""
        shown, quiet, before = 0, 0.0, None
        while True:
            now = await standing_of(self.stores, self.district)
            if now is None or has_ended(now):
                return now
            if (done := count(now)) > shown:
                bar.step(done - shown)
                shown = done
            moved, before = now != before, now
            quiet = 0.0 if moved else quiet + _PAUSE
            await self._say_where_nobody_works(quiet)
            if quiet >= self.patience:
                return now
            await self.sleep(_PAUSE)

    async def _say_where_nobody_works(self, quiet: float) -> None:
        if self.is_told or quiet < min(_LONELY_AFTER, self.patience):
            return
        if not await self.stores.anybody_at_work():
            self.screen.say(NOBODY)
            self.is_told = True
