"""Rules of living cases that mappings.yaml does not have any more."""

from remediation.mapping.config.schema import Mappings
from remediation.operations.examining.codes import Code
from remediation.operations.examining.diagnosis import Diagnosis, trouble
from remediation.read_model.rules.gone import rules_gone
from remediation.store.server.connection import Connection


async def look_at_rules(connection: Connection, mappings: Mappings) -> list[Diagnosis]:
    """A result for each such rule; none where the file has them all. Raises StoreUnavailable."""
    return [trouble(Code.RULE_GONE, f"rule {each.rule}", each.says) for each in await rules_gone(connection, mappings)]
