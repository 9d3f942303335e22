"""Rules of living cases that mappings.yaml does not have any more."""

from remediation.mapping.config.schema import Mappings
from remediation.read_model.rules.gone import rules_gone
from remediation.store.server.connection import Connection
from remedy.doctor.codes import Code
from remedy.doctor.diagnosis import Diagnosis, trouble


async def look_at_rules(connection: Connection, mappings: Mappings) -> list[Diagnosis]:
    """A result for each such rule; none where the file has them all. Raises StoreUnavailable."""
    return [trouble(Code.RULE_GONE, f"rule {each.rule}", each.says) for each in await rules_gone(connection, mappings)]
