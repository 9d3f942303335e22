"""Which rules are gone or changed in another mappings.yaml. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass

from remediation.mapping.config.schema import Mappings


@dataclass(frozen=True, slots=True)
class RuleChanges:
    """The names of rules that another file does not have, and of those that say something else there.

    What `defaults` say counts as said by each rule that leaves it to them. The order of the rules is not compared.
    """

    gone: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()

    @classmethod
    def between(cls, before: Mappings, after: Mappings) -> "RuleChanges":
        """What became of the rules of `before`, in their order; both files are complete (see completing.py)."""
        now = {rule.name: rule for rule in after.rules}
        gone = tuple(rule.name for rule in before.rules if rule.name not in now)
        changed = tuple(rule.name for rule in before.rules if rule.name in now and now[rule.name] != rule)
        return cls(gone, changed)

    def living(self, by_rule: Mapping[str, int]) -> int:
        """The number of living cases that are affected, given how many live by each rule."""
        return sum(by_rule.get(name, 0) for name in (*self.gone, *self.changed))
