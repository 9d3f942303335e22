"""What is left to do in each district's account: its backfill, the cases that wait, and how long that takes."""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from remediation.deliveries.events import SCHOOLSCAN
from remediation.read_model.backfills import WRITES_A_MINUTE, estimate_words, time_of_writes
from remediation.store.budgets.learned import Budgets, budget_of
from remediation.store.cases.lists import CaseLists
from remediation.store.cases.waiting import waiting_by_district
from remediation.store.scans.backfills import Backfill, Backfills
from remediation.store.server.connection import Connection


@dataclass(frozen=True, slots=True)
class AccountWork:
    """A district with `waiting` cases, whose account takes `a_minute` writes. `backfill` is its last one, if any."""

    district: str
    waiting: int
    a_minute: int
    backfill: Backfill | None

    @property
    def time(self) -> timedelta:
        """How long the writes take at the least, one for each case that waits."""
        return time_of_writes(self.waiting, self.a_minute)

    @property
    def estimate(self) -> str:
        """The same in words; empty where nothing waits."""
        return estimate_words(self.waiting, self.a_minute) if self.waiting else ""


async def account_work(connection: Connection, lists: CaseLists, districts: Iterable[str]) -> list[AccountWork]:
    """The districts that have a backfill or a case that waits, the longest work first. Raises StoreUnavailable."""
    names = list(districts)
    if not names:
        return []
    waiting, backfills = await asyncio.gather(waiting_by_district(lists), Backfills(connection).read_all(names))
    busy = [name for name in names if waiting[name] or name in backfills]
    limits = await writes_a_minute(connection, busy)
    found = [AccountWork(name, waiting[name], limits[name], backfills.get(name)) for name in busy]
    return sorted(found, key=lambda each: (-each.time, each.district))


async def writes_a_minute(connection: Connection, districts: Sequence[str]) -> dict[str, int]:
    """The limit of each district's writes, as SchoolScan's answers told it last, or else as its page says.

    Raises StoreUnavailable.
    """
    budgets = [budget_of(f"{SCHOOLSCAN.name}:{each}", "write") for each in districts]
    told = await Budgets(connection).limits(budgets)
    return {district: limit or WRITES_A_MINUTE for district, limit in zip(districts, told, strict=True)}
