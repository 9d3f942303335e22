"""A person's command spends of the budgets that workers share: behind what waits, and never what is kept."""

from datetime import timedelta

import pytest

from remediation.domain.cases import CaseKey, CaseKind
from remediation.domain.errors import BudgetSpent, TryLater, Waiting
from remediation.outbound.answers import note_answer
from remediation.queue import Band
from remediation.sealing import Keyring
from remediation.sources.schoolscan.client import system_of
from remediation.store.budgets import Budgets, NoRoom, Spent, ToldLimit, budget_of
from remediation.store.server.connection import Connection
from remedy.runtime.budgets import CommandBudgets
from tests.integration.offices import Office
from tests.stand_ins import ManualClock

READ = budget_of(system_of("lakeside"), "read")
LIMIT, KEPT = 100, 5


class Command:
    """A command that waits by the clock of the test."""

    def __init__(self, connection: Connection, clock: ManualClock, patience: float = 600.0) -> None:
        self.clock, self.said, self.began = clock, list[str](), clock()
        budgets = CommandBudgets(connection, clock, self.said.append, timedelta(seconds=patience), self._sleep)
        self.spending = budgets.of("lakeside")

    async def _sleep(self, seconds: float) -> None:
        self.clock.pass_by(seconds)

    async def read(self, remaining: int) -> float:
        """Send a read, answered with what remains; returns how long it waited."""
        async with self.spending("read"):
            waited = self.clock() - self.began
            reset = str(int(self.clock()) + 60)
            told = {"X-RateLimit-Limit": str(LIMIT), "X-RateLimit-Remaining": str(remaining)}
            note_answer({**told, "X-RateLimit-Reset": reset})
        return waited


async def told(connection: Connection, clock: ManualClock, remaining: int, ends_in: float = 60.0) -> None:
    """An answer to a worker said so."""
    budgets = Budgets(connection)
    spent = await budgets.spend(READ, "lakeside:finding:any", clock(), urgent=True)
    assert isinstance(spent, Spent)
    await budgets.settle(spent, ToldLimit(LIMIT, remaining, int(clock() + ends_in), ends_in), clock())


async def test_it_waits_where_only_what_is_kept_for_critical_cases_is_left(connection: Connection) -> None:
    clock = ManualClock()
    await told(connection, clock, KEPT)
    command = Command(connection, clock)
    assert await command.read(LIMIT - 1) >= 55.0
    assert "other work has used its rate limit up, and goes first" in command.said[0]
    assert isinstance(await Budgets(connection).spend(READ, "any", clock(), urgent=True), Spent)


async def test_it_does_not_wait_where_there_is_room_and_what_it_learns_counts_for_workers(
    connection: Connection,
) -> None:
    clock = ManualClock()
    await told(connection, clock, KEPT + 2)
    command = Command(connection, clock)
    assert (await command.read(KEPT + 1), command.said) == (0.0, [])
    (figures,) = await Budgets(connection).figures(clock())
    assert (figures.left, figures.limit) == (KEPT + 1, LIMIT)


async def test_it_ends_once_its_patience_does(connection: Connection) -> None:
    clock = ManualClock()
    await told(connection, clock, 0)
    with pytest.raises(BudgetSpent):
        await Command(connection, clock, patience=20.0).read(0)


async def test_it_comes_behind_cases_that_wait(connection: Connection, keyring: Keyring) -> None:
    office = Office(connection, keyring)
    await told(connection, office.clock, KEPT)
    key = CaseKey("lakeside", CaseKind.FINDING, "fnd_1")
    await office.context.todo.mark([(key, Band.LOW)], office.clock())
    await office.work()
    office.clock.pass_by(61.0)  # one request may ask how much there is in the next window
    assert isinstance(await Budgets(connection).spend(READ, "command", office.clock()), NoRoom)
    assert isinstance(await Budgets(connection).spend(READ, key.ref, office.clock()), Spent)


async def test_a_refusal_that_it_meets_keeps_workers_from_asking(connection: Connection) -> None:
    clock = ManualClock()
    with pytest.raises(TryLater):
        async with Command(connection, clock).spending("read"):
            raise TryLater("schoolscan:lakeside", "no more", after=20.0, waiting=Waiting.LIMIT)
    found = await Budgets(connection).spend(READ, "any", clock(), urgent=True)
    assert isinstance(found, NoRoom)
    assert found.after == pytest.approx(20.0, abs=1.0)
