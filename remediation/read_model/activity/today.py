"""How long deliveries of today took, for the whole service or for some districts."""

from collections.abc import Collection, Mapping

from remediation.read_model.activity.responses import ResponseTimes, response_times
from remediation.store.activity.hours import ActivityLog, ActivityStep
from remediation.store.activity.tally import WHOLE, ResponseKind
from remediation.store.server.connection import Connection

MOST_DISTRICTS = 200
"""Districts that are summed: those that come first by name."""


async def responses_today(
    connection: Connection, now: float, districts: Collection[str] | None = None
) -> Mapping[ResponseKind, ResponseTimes]:
    """The times of the present day (UTC), of the whole service or of these districts. Raises StoreUnavailable."""
    log, today = ActivityLog(connection), [ActivityStep.DAY.number_at(now)]
    names = [WHOLE] if districts is None else sorted(districts)[:MOST_DISTRICTS]
    sums = [each.counts for name in names for each in await log.read(ActivityStep.DAY, today, name)]
    return {kind: response_times(sums, kind) for kind in ResponseKind}
