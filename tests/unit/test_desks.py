"""Jobs keep the desk that they began with; one that was replaced is put away after its last job, once."""

import asyncio
import time
from typing import Any, cast

import pytest
from redis.asyncio import Redis
from structlog.testing import capture_logs

from remediation.ports import Rulebook
from remediation.sealing import Keyring, generate_key
from remediation.store.server.connection import Connection
from workers.jobs.boundary import never_raising
from workers.resources import Desk, Desks, desk_on


class Closing:
    """Counts how often it was called."""

    def __init__(self, error: Exception | None = None) -> None:
        self.times = 0
        self._error = error

    async def __call__(self) -> None:
        self.times += 1
        if self._error:
            raise self._error


def a_rulebook() -> Rulebook:
    """Nobody asks it anything here."""
    return cast("Rulebook", object())


def replace(desks: Desks) -> Closing:
    closing = Closing()
    desks.replace({}, {}, a_rulebook(), closing)
    return closing


def desk_of(desks: Desks) -> Desk:
    with desks.at_work() as desk:
        return desk


async def a_moment() -> None:
    """What was begun beside goes on."""
    for _ in range(5):
        await asyncio.sleep(0)


@pytest.fixture
def first() -> Closing:
    return Closing()


@pytest.fixture
def desks(first: Closing) -> Desks:
    connection = Connection(Redis())  # nobody connects
    return Desks(desk_on(connection, Keyring.parse(generate_key()), {}, {}, a_rulebook(), time.time), first)


async def test_the_next_job_gets_the_new_desk_on_the_same_stores(desks: Desks) -> None:
    before = desk_of(desks)
    replace(desks)
    after = desk_of(desks)
    assert after.rulebook is not before.rulebook
    assert (after.todo, after.inbox, after.connection) == (before.todo, before.inbox, desks.connection)


async def test_a_desk_without_a_job_is_put_away_at_once(desks: Desks, first: Closing) -> None:
    second = replace(desks)
    await a_moment()
    assert (first.times, second.times) == (1, 0)


async def test_a_desk_is_put_away_after_its_last_job(desks: Desks, first: Closing) -> None:
    with desks.at_work() as one:
        with desks.at_work() as two:
            replace(desks)
        await a_moment()
        assert one is two
        assert first.times == 0
    await a_moment()
    assert first.times == 1


async def test_the_desk_in_use_stays_however_many_jobs_leave_it(desks: Desks, first: Closing) -> None:
    for _ in range(3):
        desk_of(desks)
    await a_moment()
    assert first.times == 0


async def test_a_job_that_fails_leaves_its_desk_too(desks: Desks, first: Closing) -> None:
    running = desks.at_work()
    running.__enter__()
    replace(desks)
    error = ValueError()
    assert not running.__exit__(ValueError, error, None)
    await a_moment()
    assert first.times == 1


async def test_at_the_end_every_desk_is_put_away_once(desks: Desks, first: Closing) -> None:
    with desks.at_work():
        second = replace(desks)
        third = replace(desks)
        await desks.aclose()
    await a_moment()
    assert [each.times for each in (first, second, third)] == [1, 1, 1]


async def test_the_end_waits_for_desks_that_are_being_put_away(desks: Desks) -> None:
    gate, closed = asyncio.Event(), []

    async def slowly() -> None:
        await gate.wait()
        closed.append("second")

    desks.replace({}, {}, a_rulebook(), slowly)
    replace(desks)
    await a_moment()
    asyncio.get_running_loop().call_later(0.01, gate.set)
    await desks.aclose()
    assert closed == ["second"]


async def test_a_desk_that_cannot_be_put_away_ends_nothing(desks: Desks) -> None:
    desks.replace({}, {}, a_rulebook(), Closing(OSError("test-only-token")))
    with capture_logs() as lines:
        replace(desks)
        await desks.aclose()
    assert [(line["event"], line["error"]) for line in lines] == [("desk_not_closed", "OSError")]
    assert "test-only-token" not in str(lines)


async def test_a_job_in_flight_goes_on_with_what_it_started_with(desks: Desks, first: Closing) -> None:
    gate, seen = asyncio.Event(), []

    @never_raising
    async def job(desk: Desk) -> None:
        seen.append(desk.rulebook)
        await gate.wait()
        seen.append(desk.rulebook)

    context: dict[str, Any] = {"desks": desks}
    before = desk_of(desks).rulebook
    running = asyncio.create_task(job(context))
    await a_moment()
    replace(desks)
    await a_moment()
    assert first.times == 0
    gate.set()
    await running
    await job(context)
    assert seen == [before, before, *[desk_of(desks).rulebook] * 2]
    await a_moment()
    assert first.times == 1
