"""How much of their rate limits outside systems leave us: one budget of reads and one of writes each, for all workers.

A budget is learned from answers and kept nowhere else: others spend it, too. A request is reserved before it is sent,
and settled with what its answer said. Where there is no room, the work waits in the order of its urgency and age, and
is woken when there is room again: no worker waits for it, and none asks again and again.

If a worker dies between reservation and request, the request is lost for RESERVED_MS, and the limit is never exceeded.
After a wipe of Redis the first answers teach the budget again.
"""

import secrets
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from remediation.store.keys import BUDGET, BUDGET_OUT, BUDGET_WAITS, BUDGETS, CASE, TRACKER_BUDGETS
from remediation.store.server.connection import Connection

Access = Literal["read", "write"]

WINDOW = 60.0
"""Seconds of a window of SchoolScan's, for which answers have no word."""


@dataclass(frozen=True, slots=True)
class Spent:
    """A request that may be sent now."""

    budget: str
    name: str


@dataclass(frozen=True, slots=True)
class ToldLimit:
    """What an answer says of a limit, as far as it does: requests in a window, and how many of them remain.

    `reset` is when the window ends, in Unix seconds of the other side's clock, and `ends_in` in how many seconds.
    """

    limit: int | None = None
    remaining: int | None = None
    reset: int | None = None
    ends_in: float | None = None


@dataclass(frozen=True, slots=True)
class NoRoom:
    """No request may be sent now: in `after` seconds there may be room, and in `behind` for this work."""

    budget: str
    after: float
    behind: float


@dataclass(frozen=True, slots=True)
class BudgetFigures:
    """What is known of a budget: requests in a window, how many of them are left, and how many cases wait.

    `access` is `read` or `write`, or the name of a tracker's limit. `limit` is 0 where a tracker told none and refuses:
    then all of its limits of one kind are taken together, as for single issues.
    """

    system: str
    access: str
    limit: int
    left: int
    waiting: int


def budget_of(system: str, access: Access) -> str:
    """Returns the name of a system's budget."""
    return f"{system}/{access}"


async def budget_waited_for(connection: Connection, ref: str) -> str:
    """The budget within which the case of this reference waits for its turn; empty where it waits for none.

    Raises StoreUnavailable.
    """
    budget = await connection.ask(connection.redis.hget(CASE + ref, "budget"))
    return budget.decode() if budget else ""


RESTS_SECONDS = 1.0
"""Seconds until Redis is asked again whether there is room, after it said that nothing waits for any."""


class Budgets:
    """The budgets in Redis. Every method raises StoreUnavailable; `now` is in Unix seconds of Redis's clock."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._rests_until = 0.0

    async def spend(self, budget: str, ref: str, now: float, *, urgent: bool = False) -> Spent | NoRoom:
        """Reserve one request for the case or scan of this reference.

        Critical cases, and `urgent` work, may use what is kept of each window for them.
        """
        spent = Spent(budget, secrets.token_hex(8))
        args = (budget, ref, spent.name, int(now * 1000), "1" if urgent else "")
        has_room, after_ms, waiting, limit = await self._connection.run("spend_budget", *args)
        if has_room:
            return spent
        after = int(after_ms) / 1000
        return NoRoom(budget, after, after + WINDOW * (int(waiting) // int(limit) if limit else 0))

    async def settle(self, spent: Spent, answer: ToldLimit | None, now: float, closed: float | None = None) -> None:
        """Note what the answer to this request said of the limit, and wake the work for which there is room now.

        None: there is no answer. `closed`: it was refused because of a limit, for so many seconds at the least.
        """
        told: list[str | int] = ["", "", "", "", ""]
        if answer is not None:
            ends_in = None if answer.ends_in is None else int(answer.ends_in * 1000)
            parts = (1, answer.limit, answer.remaining, answer.reset, ends_in)
            told = ["" if each is None else each for each in parts]
        shut = "" if closed is None else int(closed * 1000)
        await self._connection.run("settle_budget", spent.budget, spent.name, int(now * 1000), *told, shut)

    async def release(self, now: float) -> int:
        """Wake the work for which there is room again. Returns how many cases.

        While nothing waits, most calls ask nobody: only one in RESTS_SECONDS does.
        """
        if now < self._rests_until <= now + RESTS_SECONDS:
            return 0
        woken, waited_for = await self._connection.run("release_budgets", int(now * 1000))
        self._rests_until = 0.0 if waited_for else now + RESTS_SECONDS
        return int(woken)

    async def figures(self, now: float) -> list[BudgetFigures]:
        """Every budget of which something was told, by name."""
        asked = self._connection.redis.pipeline(transaction=False)
        asked.smembers(BUDGETS)
        asked.smembers(TRACKER_BUDGETS)
        told = await self._connection.ask(asked.execute())
        found = await self._figures(sorted(each.decode() for each in set().union(*told)), int(now * 1000))
        limited = [each for each in found if each is not None and each.limit]
        untold: Counter[tuple[str, str]] = Counter()
        for each in found:
            if each is not None and not each.limit:
                untold[each.system, each.access.partition("-")[0]] += each.waiting
        return limited + [BudgetFigures(*names, 0, 0, waiting) for names, waiting in sorted(untold.items())]

    async def limits(self, budgets: Sequence[str]) -> list[int]:
        """The limit of each, as answers told it last; 0 where none did."""
        asked = self._connection.redis.pipeline(transaction=False)
        for budget in budgets:
            asked.hget(BUDGET + budget, "limit")
        return [int(told or 0) for told in await self._connection.ask(asked.execute())] if budgets else []

    async def _figures(self, budgets: Sequence[str], now_ms: int) -> list[BudgetFigures | None]:
        asked = self._connection.redis.pipeline(transaction=False)
        for budget in budgets:
            asked.hmget(BUDGET + budget, ["limit", "remaining", "reset", "counted", "spent", "held", "closed"])
            asked.zcard(BUDGET_OUT + budget)
            asked.zcard(BUDGET_WAITS + budget)
        told = await self._connection.ask(asked.execute()) if budgets else []
        parts = zip(budgets, told[::3], told[1::3], told[2::3], strict=True)
        return [_figures(*each, now_ms) for each in parts]


def _figures(budget: str, row: Sequence[bytes | None], out: int, waiting: int, now_ms: int) -> BudgetFigures | None:
    limit, remaining, reset, counted, *own = row
    system, _, access = budget.rpartition("/")
    if limit is None:
        return BudgetFigures(system, access, 0, 0, waiting) if counted and waiting else None
    spent, held, closed = (int(each or 0) for each in own)
    left = int(limit) - spent - held if counted else int(remaining or 0) - out
    left = max(0, left) if int(reset or 0) > now_ms else int(limit)
    left = 0 if closed > now_ms else left
    return BudgetFigures(system, access, int(limit), left, waiting)
