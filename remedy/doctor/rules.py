"""Rules by which cases live and that mappings.yaml has no more."""

from remediation.mapping.config.schema import Mappings
from remediation.store.server.connection import Connection
from remedy.doctor.diagnosis import Code, Diagnosis, trouble
from remedy.mappings.rules_gone import rules_gone


async def look_at_rules(connection: Connection, mappings: Mappings) -> list[Diagnosis]:
    """One for each rule that is gone; nothing where the file has them all. Raises StoreUnavailable."""
    return [trouble(Code.RULE_GONE, f"rule {each.rule}", each.says) for each in await rules_gone(connection, mappings)]
