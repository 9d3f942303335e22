"""Round: note which districts mappings.yaml names. What one missed while it was not there is listed once it is back."""

import structlog

from workers.jobs.boundary import never_raising
from workers.resources import Desk

logger = structlog.get_logger()

SECONDS = 60.0
"""How exactly it is known since when a district is not there."""


@never_raising
async def note_districts(desk: Desk) -> None:
    """Tell of each district that is gone from mappings.yaml, and of each that is back.

    While it is gone, nobody can verify what SchoolScan tells of it: deliveries are answered 404.
    """
    for change in await desk.scans.note_districts(desk.sources, desk.clock()):
        if change.is_back:
            logger.warning("district_back", district=change.district)
        else:
            logger.warning("district_not_named", district=change.district)
