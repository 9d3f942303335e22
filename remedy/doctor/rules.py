"""Rules by which cases live and that mappings.yaml has no more."""

from remediation.mapping.config.schema import Mappings
from remediation.store.cases.living import LivingCases
from remediation.store.server.connection import Connection
from remedy.doctor.diagnosis import Code, Diagnosis, trouble


async def look_at_rules(connection: Connection, mappings: Mappings) -> list[Diagnosis]:
    """One for each rule that is gone; nothing where the file has them all. Raises StoreUnavailable."""
    there = {rule.name for rule in mappings.rules}
    gone = {name: count for name, count in (await LivingCases(connection).by_rule()).items() if name not in there}
    return [
        trouble(Code.RULE_GONE, f"rule {name}", f"{count} living case(s) went by it at their last look")
        for name, count in sorted(gone.items())
    ]
