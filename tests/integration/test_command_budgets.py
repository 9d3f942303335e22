"""A person's command spends of the budgets that workers share: behind what waits, and never what is kept."""

import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from redis import Redis as PlainRedis

from remediation.domain.cases.records import CaseKey, CaseKind
from remediation.domain.errors import BudgetSpent, TryLater, Waiting
from remediation.outbound.answers import note_answer
from remediation.queue import Band
from remediation.sealing import Keyring
from remediation.sources.schoolscan.client import system_of
from remediation.store.budgets.learned import Budgets, NoRoom, Spent, ToldLimit, budget_of
from remediation.store.keys import BUDGET
from remediation.store.server.connection import Connection
from remedy.runtime.calls.budgets import CommandBudgets
from tests.contract.tracker_world import nobody_listens
from tests.integration.offices import Office
from tests.integration.school_desks import SITE, Desk, open_desk
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
    assert command.said == ["schoolscan:lakeside: other work has used its rate limit up; waiting for room behind it"]
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


@pytest.fixture
def desk(redis_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    with open_desk(redis_url, tmp_path, monkeypatch) as desk:
        yield desk


def test_what_every_command_reads_of_an_account_counts_for_workers(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("remedy.reconcile.walk.LONGEST_WAIT", 0.0)  # no tracker is there
    (finding,) = desk.order("POST", "findings", site=SITE, findings=[{"severity": "low"}])["findings"]
    for words in (
        ("scans", "list"),
        ("case", "plan", f"lakeside:finding:{finding}"),
        ("reconcile", "--dry-run"),
        ("backfill", "--dry-run"),
        ("mappings", "explain", "--finding", finding),
    ):
        with PlainRedis.from_url(desk.redis_url) as redis:
            redis.delete(BUDGET + READ)
            desk.call(*words)
            assert redis.hget(BUDGET + READ, "limit") == b"300", words


def test_a_command_says_that_it_waits(desk: Desk) -> None:
    with PlainRedis.from_url(desk.redis_url) as redis:
        now = round(time.time() * 1000)
        row = {"limit": 300, "remaining": 0, "told": now // 1000 - 60, "reset": now + 400, "at": now}
        redis.hset(BUDGET + READ, mapping=row)
    told = desk.call("scans", "list")
    assert (told.exit_code, "other work has used its rate limit up" in told.stderr) == (0, True)


def test_too_many_scans_at_once_keep_no_worker_from_writing(desk: Desk) -> None:
    for _ in range(5):
        desk.scan(site=SITE, duration_seconds=60)
    assert "too_many_scans" in desk.call("scans", "start", "--domain", SITE, "--yes").stderr
    with PlainRedis.from_url(desk.redis_url) as redis:
        assert redis.hget(BUDGET + READ.replace("read", "write"), "closed") is None


def test_a_command_that_needs_no_redis_does_without_one_that_is_away(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REDIS_URL", nobody_listens().replace("http", "redis"))
    assert desk.call("scans", "list").exit_code == 0
