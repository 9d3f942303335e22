"""Trackers, and tables of ServiceNow, that mappings.yaml does not name (any more), with tickets of ours from before."""

from remediation.mapping.config.schema import Mappings
from remediation.operations.examining.codes import Code
from remediation.operations.examining.diagnosis import Diagnosis, trouble
from remediation.store.server.connection import Connection
from remedy.mappings.former_tables import unnamed_tables
from remedy.mappings.unnamed_trackers import unnamed_trackers


async def look_at_tables(connection: Connection, mappings: Mappings) -> list[Diagnosis]:
    """A result for each such tracker. Raises StoreUnavailable."""
    return [
        trouble(
            Code.TABLE_UNNAMED if each.is_known else Code.TABLE_UNKNOWN, f"former tables of {each.tracker}", each.says
        )
        for each in await unnamed_tables(connection, mappings.trackers)
    ]


async def look_at_former_trackers(connection: Connection, mappings: Mappings) -> list[Diagnosis]:
    """A result for each such table. Raises StoreUnavailable."""
    found = await unnamed_trackers(connection, mappings.trackers)
    return [trouble(Code.TRACKER_UNNAMED, f"former tracker {each.known.name}", each.says) for each in found]
