"""How many cases live by each rule: what a change of mappings.yaml affects, without a look at any case.

A case is counted by the script that remembers it (`lives_by` in lua/shared.lua). A case that an earlier version
remembered last is counted rightly from its next look on.
"""

from remediation.store.keys import LIVING
from remediation.store.server.connection import Connection


class LivingCases:
    """Cases on which people work, or with an acceptance that will end (see Memory.living_rule)."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def by_rule(self) -> dict[str, int]:
        """How many there are, by the name of the rule that counted at their last look. Raises StoreUnavailable."""
        counts = await self._connection.ask(self._connection.redis.hgetall(LIVING))
        return {rule.decode(): int(count) for rule, count in counts.items()}
