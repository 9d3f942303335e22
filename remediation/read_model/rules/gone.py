"""Rules of living cases that mappings.yaml does not have any more. Reads only."""

from dataclasses import dataclass

from remediation.mapping.config.schema import Mappings
from remediation.read_model.wording import by_count, count_words
from remediation.store.cases.dependents import living_cases
from remediation.store.server.connection import Connection


@dataclass(frozen=True, slots=True)
class RuleGone:
    """One such rule, and how many living cases had it at their last look."""

    rule: str
    cases: int

    @property
    def says(self) -> str:
        """How many cases go by what it said, in words."""
        whose = by_count(self.cases, "its", "their")
        return f"{count_words(self.cases, 'living case')} went by it at {whose} last look"


async def rules_gone(connection: Connection, mappings: Mappings) -> list[RuleGone]:
    """All such rules, by name; none where the file has every rule. Raises StoreUnavailable."""
    there = {rule.name for rule in mappings.rules}
    by_rule = await living_cases(connection)
    return [RuleGone(name, count) for name, count in sorted(by_rule.items()) if name not in there]
