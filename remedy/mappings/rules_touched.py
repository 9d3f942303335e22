"""The living cases that other rules would affect, for `remedy mappings diff`."""

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from remediation.domain.errors import StoreUnavailable
from remediation.mapping.config.schema import Mappings
from remediation.mapping.explain.rule_changes import RuleChanges
from remediation.redis_address import RedisAddress
from remediation.settings import load_settings
from remediation.store.cases.dependents import living_cases
from remedy.runtime.assembly import open_connection, signed_in


@dataclass(frozen=True, slots=True)
class RulesTouched:
    """How the rules change, and how many cases live by each; None where that could not be counted."""

    changes: RuleChanges
    by_rule: Mapping[str, int] | None

    @property
    def cases(self) -> int:
        """How many living cases are affected, where that is known."""
        return self.changes.living(self.by_rule or {})

    def lines(self) -> Iterator[str]:
        """A line for each rule that is gone, and for each changed rule by which cases live."""
        for rule, state in self._states():
            count = None if self.by_rule is None else self.by_rule.get(rule, 0)
            if count is not None:
                yield f"rule {rule} is {state}: {_counted(count)} by it"
            elif state == "gone":
                yield f"rule {rule} is gone: how many cases live by it, only Redis can tell (REDIS_URL)"

    def as_json(self) -> list[dict[str, object]]:
        """The same as values."""
        known = self.by_rule
        return [
            {"rule": rule, "state": state, "living_cases": None if known is None else known.get(rule, 0)}
            for rule, state in self._states()
        ]

    def _states(self) -> Iterator[tuple[str, str]]:
        yield from ((rule, "gone") for rule in self.changes.gone)
        yield from ((rule, "changed") for rule in self.changes.changed)


def rules_touched(before: Mappings, after: Mappings) -> RulesTouched:
    """How the rules of `before` change. Redis is asked where REDIS_URL is set and a rule is affected."""
    changes, settings = RuleChanges.between(before, after), load_settings()
    if settings.redis_url is None or changes == RuleChanges():
        return RulesTouched(changes, None)
    return RulesTouched(changes, asyncio.run(_living(signed_in(settings.redis_url, settings))))


async def _living(address: RedisAddress) -> dict[str, int] | None:
    async with open_connection(address, socket_timeout=5.0, retries=1) as connection:
        try:
            return await living_cases(connection)
        except StoreUnavailable:
            return None


def _counted(count: int) -> str:
    return "1 case lives" if count == 1 else f"{count} cases live"
