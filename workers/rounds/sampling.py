"""Round: look how much there is of what charts show as a level: open cases, what waits, parked work, and limits."""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from remediation.store.activity.hours import ActivityLog, ActivityStep
from remediation.store.activity.samples import (
    AGE_BOUNDS,
    MOST_CAUSES,
    ActivitySample,
    LimitUse,
    ParkedCount,
    most_used,
)
from remediation.store.activity.tally import WHOLE
from remediation.store.budgets.learned import BudgetFigures
from remediation.store.cases.dependents import districts_heard_of
from remediation.store.cases.open_cases import open_counts, summed
from remediation.store.deliveries.parked_causes import ParkedCause, parked_causes
from remediation.store.figures import read_figures
from workers.jobs.boundary import never_raising
from workers.resources import WorkerContext

SAMPLE_SECONDS = 300.0
"""Seconds between two samples: a limit that is used up for some minutes is seen."""

_DAY = 86_400.0
_ACCESSES = frozenset({"read", "write"})


@never_raising
async def sample_activity(context: WorkerContext) -> None:
    """Keep the present sample as that of this hour and this day; of limits, the most that was used."""
    samples, log, now = await _samples(context), ActivityLog(context.connection), context.clock()
    for step in ActivityStep:
        before = await log.sample(step, now)
        whole = samples[WHOLE]
        kept = whole if before is None else replace(whole, limits=most_used(before.limits, whole.limits))
        await log.keep(step, {**samples, WHOLE: kept}, now)


async def _samples(context: WorkerContext) -> Mapping[str, ActivitySample]:
    """The samples of the whole service and of each district that has open cases, or that mappings.yaml names."""
    now, connection = context.clock(), context.connection
    named = {district for district, _ in context.sources}
    districts = sorted(named | await districts_heard_of(connection))
    counts = await open_counts(connection, districts, [days * _DAY for days in AGE_BOUNDS], now)
    figures = await read_figures(connection, now)
    parked = parked_counts(await parked_causes(connection), figures.parked)
    limits = limit_uses(await context.budgets.figures(now))
    whole = ActivitySample(int(now), summed(counts.values()), figures.dirty, parked, limits)
    shown = [name for name in districts if name in named or name in counts]
    return {WHOLE: whole} | {name: ActivitySample(int(now), counts.get(name, {})) for name in shown}


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
