"""What commands ask of SchoolScan comes out of the budgets of its rate limits that all workers share.

A person's command waits behind all work that waits, and never uses what is kept for critical cases. So it neither makes
workers meet a refusal nor takes their turn; and what it learns of a limit, they know. Where Redis does not answer, no
worker works, and the command asks as if it were alone.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager, nullcontext, suppress
from datetime import timedelta
from typing import Any, Literal, TypeVar

from remediation.domain.errors import BudgetSpent, StoreUnavailable
from remediation.settings import load_settings
from remediation.sources.schoolscan.client import system_of
from remediation.sources.schoolscan.transport import Spending, freely
from remediation.store.budgets.learned import Budgets, NoRoom, Spent, ToldLimit, budget_of
from remediation.store.server.connection import Connection
from remedy.runtime.assembly import open_for_command, signed_in
from remedy.runtime.clock import clock_of
from remedy.screen_lines import print_line
from workers.budgets import settling

ResultT = TypeVar("ResultT")

_COMMAND = "command"
"""What a request is reserved for in place of a case: no row has this name, so it is never critical."""

_LONGEST_PAUSE = 15.0
"""Seconds between two questions: work that waits may leave room before its window is over."""

_SHORTEST_PAUSE = 0.5

PATIENCE = timedelta(minutes=2)
"""How long a request waits for room where the command has no `--patience`: two windows of SchoolScan's."""

_REDIS_SECONDS = 2.0
"""How long a command that needs Redis for nothing else waits for it."""

SpendingOf = Callable[[str], Spending]
"""Within what it returns for a district, one request to its account is sent."""


def told_on_stderr(words: str) -> None:
    """Tell whoever waits, and has asked for nothing on standard error."""
    print_line(words, err=True)


def freely_for(_district: str) -> Spending:
    """Spending without any limit of ours."""
    return freely


class _UncutBudgets(Budgets):
    """The budgets for somebody who may press Ctrl-C at any moment.

    In Python 3.11 redis-py loses a cancellation that comes together with its answer, and the command would go on.
    """

    async def spend(self, budget: str, ref: str, now: float, *, urgent: bool = False) -> Spent | NoRoom:
        return await _uncut(super().spend(budget, ref, now, urgent=urgent))

    async def settle(self, spent: Spent, answer: ToldLimit | None, now: float, closed: float | None = None) -> None:
        is_of_another_limit = answer is not None and bool(answer.remaining)  # of scans at once, say
        await _uncut(super().settle(spent, answer, now, None if is_of_another_limit else closed))


async def _uncut(asked: Coroutine[Any, Any, ResultT]) -> ResultT:
    """What Redis answers; who is cancelled meanwhile is so as soon as it has answered, or its time is over."""
    task = asyncio.create_task(asked)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.gather(task, return_exceptions=True)
        raise


class CommandBudgets:
    """The budgets in Redis for one command. `clock` returns Unix seconds; `say` tells whoever waits why.

    Where there is no room, a request waits for it. Raises BudgetSpent where that takes longer than `patience` says, at
    once where it would.
    """

    def __init__(
        self,
        connection: Connection,
        clock: Callable[[], float],
        say: Callable[[str], None] = told_on_stderr,
        patience: timedelta = PATIENCE,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._budgets = _UncutBudgets(connection)
        self._clock = clock
        self._say = say
        self._patience = patience.total_seconds()
        self._sleep = sleep
        self._is_away = False

    def of(self, district: str) -> Spending:
        """Within what it returns one request to the district's account is sent."""
        system = system_of(district)

        @asynccontextmanager
        async def spending(access: Literal["read", "write"]) -> AsyncIterator[None]:
            spent = await self._reserved(system, budget_of(system, access))
            async with nullcontext() if spent is None else settling(self._budgets, spent, self._clock):
                yield

        return spending

    async def _reserved(self, system: str, budget: str) -> Spent | None:
        """A request that may be sent; None where Redis is away, which is not asked again."""
        waited = 0.0
        while not self._is_away:
            try:
                found = await self._budgets.spend(budget, _COMMAND, self._clock())
            except StoreUnavailable:
                self._is_away = True
                break
            if isinstance(found, Spent):
                return found
            pause = min(max(found.after, _SHORTEST_PAUSE), _LONGEST_PAUSE)
            if waited + max(found.after, pause) > self._patience:
                raise BudgetSpent(system, budget, after=found.after, behind=found.behind)
            if not waited:
                self._say(f"{system}: other work has used its rate limit up; waiting for room behind it")
            await self._sleep(pause)
            waited += pause
        return None


@asynccontextmanager
async def open_budgets(patience: timedelta = PATIENCE) -> AsyncIterator[SpendingOf]:
    """The budgets for a command that needs Redis for nothing else; without any where REDIS_URL names none that answers.

    An embedded server is not started for it: it is another process's, or nobody's.
    """
    settings = load_settings()
    async with AsyncExitStack() as opened:
        spending: SpendingOf = freely_for
        if settings.redis_url is not None:
            address = signed_in(settings.redis_url, settings)
            with suppress(StoreUnavailable):
                redis = open_for_command(address, socket_timeout=_REDIS_SECONDS, retries=0)
                connection = await opened.enter_async_context(redis)
                spending = CommandBudgets(connection, await clock_of(connection), patience=patience).of
        yield spending
