"""Round: keep how much there is of what charts show as a level: open cases, what waits, parked work, and limits."""

from dataclasses import replace

from remediation.store.activity.hours import ActivityLog, ActivityStep
from remediation.store.activity.present import present_samples
from remediation.store.activity.samples import most_used
from remediation.store.activity.tally import WHOLE
from workers.jobs.boundary import never_raising
from workers.resources import WorkerContext

SAMPLE_SECONDS = 300.0
"""Seconds between two samples: a limit that is used up for some minutes is seen."""


@never_raising
async def sample_activity(context: WorkerContext) -> None:
    """Keep the present sample as that of this hour and this day; of limits, the most that was used."""
    log, now = ActivityLog(context.connection), context.clock()
    samples = await present_samples(context.connection, {district for district, _ in context.sources}, now)
    for step in ActivityStep:
        before = await log.sample(step, now)
        whole = samples[WHOLE]
        kept = whole if before is None else replace(whole, limits=most_used(before.limits, whole.limits))
        await log.keep(step, {**samples, WHOLE: kept}, now)
