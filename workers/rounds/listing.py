"""Round: put the cases that an earlier version wrote onto the lists of cases, once."""

import structlog

from remediation.domain.errors import StoreRefuses
from remediation.store.cases.unlisted import UnlistedCases
from workers.jobs.boundary import never_raising
from workers.resources import WorkerContext

logger = structlog.get_logger()

SECONDS = 5.0
STEPS = 20
"""Of a thousand keys each: four million keys, those of a million cases, in a quarter of an hour."""


@never_raising
async def list_earlier_cases(context: WorkerContext) -> None:
    """Go on where the last round ended. Without the right to SCAN, each case is listed from its next look on."""
    unlisted = UnlistedCases(context.connection)
    try:
        for _ in range(STEPS):
            if await unlisted.list_some(context.clock()):
                return
    except StoreRefuses as error:
        logger.warning("cases_not_listed", reason=error.reason)
