"""Logs which living cases a change of the rules affects: at a worker's start, and when other rules are loaded."""

import structlog

from remediation.domain.errors import StoreUnavailable
from remediation.mapping.config.schema import Mappings
from remediation.mapping.explain.rule_changes import RuleChanges
from remediation.store.cases.dependents import living_cases
from remediation.store.server.connection import Connection

logger = structlog.get_logger()

MOST_TOLD = 10
"""Rules that get a log line of their own: those with most cases."""


class RulesInUse:
    """The rules that a worker uses. Logging costs one call to Redis, whatever the number of cases."""

    def __init__(self, connection: Connection, mappings: Mappings) -> None:
        self._connection = connection
        self._mappings = mappings

    async def tell_gone(self) -> None:
        """Log the rules of living cases that the file does not have: it was changed while no worker ran."""
        await self._tell(())

    async def take(self, mappings: Mappings) -> None:
        """Use these rules from now on. Logs every rule of living cases that is gone or changed."""
        before, self._mappings = self._mappings, mappings
        await self._tell(RuleChanges.between(before, mappings).changed)

    async def _tell(self, changed: tuple[str, ...]) -> None:
        try:
            by_rule = await living_cases(self._connection)
        except StoreUnavailable:
            logger.warning("living_cases_not_counted")
            return
        there = {rule.name for rule in self._mappings.rules}
        touched = {name: count for name, count in by_rule.items() if name not in there or name in changed}
        for name in sorted(touched, key=lambda name: (-touched[name], name))[:MOST_TOLD]:
            state = "changed" if name in there else "gone"
            logger.warning("living_cases_touched", rule=name, state=state, count=touched[name])
        if touched:
            logger.warning("rules_touch_living_cases", count=len(touched), total=sum(touched.values()))
