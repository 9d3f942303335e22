"""Tables of ServiceNow in which tickets of ours are from before, and which mappings.yaml does not name."""

from cli.doctor.diagnosis import Code, Diagnosis, trouble
from cli.former_tables import unnamed_tables
from remediation.mapping.schema import Mappings
from remediation.store.connection import Connection


async def look_at_tables(connection: Connection, mappings: Mappings) -> list[Diagnosis]:
    """Nothing where the file names them all. Raises StoreUnavailable."""
    return [
        trouble(
            Code.TABLE_UNNAMED if each.is_known else Code.TABLE_UNKNOWN, f"former tables of {each.tracker}", each.says
        )
        for each in await unnamed_tables(connection, mappings.trackers)
    ]
