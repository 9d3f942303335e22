"""What commands ask of SchoolScan comes out of the budgets of its rate limits that all workers share.

A person's command waits behind all work that waits, and never uses what is kept for critical cases. So it neither makes
workers meet a refusal nor takes their turn; and what it learns of a limit, they know.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Literal

from remediation.domain.errors import BudgetSpent
from remediation.sources.schoolscan.client import system_of
from remediation.sources.schoolscan.transport import Spending
from remediation.store.budgets import Budgets, NoRoom, Spent, budget_of
from remediation.store.server.connection import Connection
from workers.budgets import settling

_COMMAND = "command"
"""What a request is reserved for in place of a case: no row has this name, so it is never critical."""

_LONGEST_PAUSE = 15.0
"""Seconds between two questions: work that waits may leave room before its window is over."""

_SHORTEST_PAUSE = 0.5


class CommandBudgets:
    """The budgets in Redis for one command. `clock` returns Unix seconds; `say` tells whoever waits why.

    Where there is no room, a request waits for it, for as long as `patience` says: then BudgetSpent is raised.
    """

    def __init__(
        self,
        connection: Connection,
        clock: Callable[[], float],
        say: Callable[[str], None],
        patience: timedelta,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._budgets = Budgets(connection)
        self._clock = clock
        self._say = say
        self._patience = patience.total_seconds()
        self._sleep = sleep

    def of(self, district: str) -> Spending:
        """Within what it returns one request to the district's account is sent. Raises StoreUnavailable, too."""
        system = system_of(district)

        @asynccontextmanager
        async def spending(access: Literal["read", "write"]) -> AsyncIterator[None]:
            spent = await self._reserved(system, budget_of(system, access))
            async with settling(self._budgets, spent, self._clock):
                yield

        return spending

    async def _reserved(self, system: str, budget: str) -> Spent:
        waited = 0.0
        while isinstance(found := await self._budgets.spend(budget, _COMMAND, self._clock()), NoRoom):
            pause = min(max(found.after, _SHORTEST_PAUSE), _LONGEST_PAUSE)
            if waited + pause > self._patience:
                raise BudgetSpent(system, budget, after=found.after, behind=found.behind)
            self._say(f"{system}: other work has used its rate limit up, and goes first; asked again in {pause:.0f} s")
            await self._sleep(pause)
            waited += pause
        return found
