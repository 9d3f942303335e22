"""How much there is now of what charts show as a level: open cases, what waits, parked work, and the use of limits."""

import asyncio
from collections.abc import Collection, Iterable, Mapping

from remediation.store.activity.samples import (
    AGE_BOUNDS,
    MOST_CAUSES,
    ActivitySample,
    LimitUse,
    ParkedCount,
    most_used,
)
from remediation.store.activity.tally import WHOLE
from remediation.store.budgets.learned import BudgetFigures, Budgets
from remediation.store.cases.dependents import districts_heard_of
from remediation.store.cases.open_cases import OpenCounts, open_counts, summed
from remediation.store.deliveries.parked_causes import ParkedCause, parked_causes
from remediation.store.figures import read_figures
from remediation.store.server.connection import Connection

_DAY = 86_400.0
_ACCESSES = frozenset({"read", "write"})


async def present_samples(connection: Connection, named: Collection[str], now: float) -> dict[str, ActivitySample]:
    """The sample of the whole service at `now` (Unix seconds), and of each district that is named or has open cases.

    Raises StoreUnavailable.
    """
    districts = sorted({*named} | await districts_heard_of(connection))
    counts, figures, causes, budgets = await asyncio.gather(
        _counts(connection, districts, now),
        read_figures(connection, now),
        parked_causes(connection),
        Budgets(connection).figures(now),
    )
    shown = [name for name in districts if name in named or name in counts]
    parked, limits = parked_counts(causes, figures.parked), limit_uses(budgets)
    whole = ActivitySample(int(now), summed(counts.values()), figures.dirty, parked, limits)
    return {WHOLE: whole} | {name: ActivitySample(int(now), counts.get(name, {})) for name in shown}


async def present_sample(connection: Connection, districts: Collection[str] | None, now: float) -> ActivitySample:
    """The sample of the whole service at `now` (Unix seconds), or of these districts together.

    Raises StoreUnavailable.
    """
    if districts is not None:
        return ActivitySample(int(now), summed((await _counts(connection, sorted(districts), now)).values()))
    return (await present_samples(connection, (), now))[WHOLE]


def parked_counts(causes: Iterable[ParkedCause], parked: int) -> tuple[ParkedCount, ...]:
    """The causes with the most pieces, and what is left of all that is `parked` as one without a name."""
    first = [*causes][:MOST_CAUSES]
    named = tuple(ParkedCount(each.kind, each.error, each.system, each.status, each.count) for each in first)
    others = parked - sum(each.count for each in named)
    return (*named, ParkedCount(count=others)) if others > 0 else named


def limit_uses(budgets: Iterable[BudgetFigures]) -> tuple[LimitUse, ...]:
    """How far each system's limits are used now; of a tracker's several limits the one of which most is used."""
    return most_used(
        LimitUse(each.system, each.access if each.access in _ACCESSES else "", each.limit - each.left, each.limit)
        for each in budgets
        if each.limit
    )


async def _counts(connection: Connection, districts: Iterable[str], now: float) -> Mapping[str, OpenCounts]:
    return await open_counts(connection, districts, [days * _DAY for days in AGE_BOUNDS], now)
