"""Round: note which districts mappings.yaml names. What a district missed is listed once it is named again."""

import structlog

from workers.jobs.boundary import never_raising
from workers.resources import WorkerContext

logger = structlog.get_logger()

SECONDS = 60.0
"""The precision, in seconds, with which the absence of a district is known."""


@never_raising
async def note_districts(context: WorkerContext) -> None:
    """Log each district that mappings.yaml does not name any more, and each that it names again.

    Meanwhile nobody can verify SchoolScan's deliveries for it: they are answered 404.
    """
    for change in await context.scans.note_districts(
        dict.fromkeys(name for name, _ in context.sources), context.clock()
    ):
        if change.is_back:
            logger.warning("district_back", district=change.district)
        else:
            logger.warning("district_not_named", district=change.district)
