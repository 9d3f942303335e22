"""Which rules are no longer what they were when mappings.yaml is another. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass

from remediation.mapping.config.schema import Mappings


@dataclass(frozen=True, slots=True)
class RuleChanges:
    """The names of rules of one file that another one does not have, and of those in which it says something else.

    What `defaults` say counts as said by each rule that leaves it to them. Where a rule stands among the others is not
    looked at.
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
        """How many living cases they touch, where so many live by each rule."""
        return sum(by_rule.get(name, 0) for name in (*self.gone, *self.changed))
