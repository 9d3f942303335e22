"""Round: delete what was set aside for as long as it is kept, and what is beyond what one district may have."""

from workers.jobs.boundary import never_raising
from workers.jobs.making_room import tell_deleted
from workers.resources import WorkerContext

TRIM_SECONDS = 60.0
"""Seconds between two rounds, of which each deletes two hundred at the most."""


@never_raising
async def trim_set_aside(context: WorkerContext) -> None:
    """Delete some of what is beyond the limits on what strangers can leave behind."""
    tell_deleted(await context.set_aside.trim(context.clock()))
