"""Of all workers one begins each round, whatever clocks do; and whether sweeps go on is watched."""

import asyncio
from dataclasses import dataclass

import pytest
from prometheus_client import REGISTRY
from structlog.testing import capture_logs

from remediation.domain.errors import StoreUnavailable
from remediation.sealing import Keyring
from remediation.store.processes import Turns
from remediation.store.server.connection import Connection
from tests.integration.offices import Office
from workers.jobs.boundary import ArqContext
from workers.rounds.schedule import NOT_SWEPT, NOT_SWEPT_WORDS, Round, SweepWatch, play
from workers.rounds.upkeep import sweep

NOW = 1_800_000_000.0


@dataclass
class Steady:
    now: float = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def turns(connection: Connection) -> Turns:
    return Turns(connection)


async def test_a_turn_is_the_first_who_asks_and_is_over_when_the_next_is_due(turns: Turns) -> None:
    assert [await turns.take("sweep", 2, NOW + after) for after in (0, 0, 1, 1.4, 2, 2.1)] == [
        *(True, False, False, False),
        *(True, False),
    ]


async def test_each_kind_of_round_has_turns_of_its_own(turns: Turns) -> None:
    assert await turns.take("sweep", 2, NOW)
    assert await turns.take("poll_trackers", 30, NOW)


async def test_a_clock_that_was_set_back_holds_nobody_up(turns: Turns) -> None:
    """Redis's own, that is: all go by that one."""
    assert await turns.take("sweep", 2, NOW)
    assert await turns.take("sweep", 2, NOW - 600)
    assert not await turns.take("sweep", 2, NOW - 599)
    assert await turns.take("sweep", 2, NOW - 598)


async def test_a_round_is_played_by_whose_turn_it_is(connection: Connection, keyring: Keyring) -> None:
    office, played = Office(connection, keyring), []

    async def job(_ctx: ArqContext) -> None:
        played.append(office.context.clock())

    for _ in range(3):
        await play(office.arq_context, Round("sweep", 2, job), 5)
    assert len(played) == 1


async def test_a_round_that_takes_too_long_is_cut_off(connection: Connection, keyring: Keyring) -> None:
    async def job(_ctx: ArqContext) -> None:
        await asyncio.sleep(60)

    with capture_logs() as logged:
        await play(Office(connection, keyring).arq_context, Round("slow", 2, job), 0.1)
    assert [line["event"] for line in logged] == ["round_cut_off"]


@pytest.mark.parametrize(
    ("error", "name", "labels"),
    [
        (StoreUnavailable("away"), "remedy_store_errors_total", {"task": "broken"}),
        (ValueError(), "remedy_job_errors_total", {"task": "broken", "error": "ValueError"}),
    ],
)
async def test_a_round_that_fails_is_counted_and_ends_no_loop(
    connection: Connection, keyring: Keyring, error: Exception, name: str, labels: dict[str, str]
) -> None:
    async def job(_ctx: ArqContext) -> None:
        raise error

    before = REGISTRY.get_sample_value(name, labels) or 0.0
    await play(Office(connection, keyring).arq_context, Round("broken", 2, job), 5)
    assert REGISTRY.get_sample_value(name, labels) == before + 1
    await connection.redis.delete("remedy:turn:broken")


async def test_sweeps_that_stop_are_told_whatever_the_time_is(connection: Connection, keyring: Keyring) -> None:
    office, clock = Office(connection, keyring), Steady()
    watch = SweepWatch(connection, clock)
    clock.now = NOT_SWEPT
    assert await watch.problems() == [], "a worker that has just begun need not have swept"
    await sweep(office.arq_context)
    clock.now += 1
    assert await watch.problems() == []
    clock.now += NOT_SWEPT
    assert await watch.problems() == []
    clock.now += 1
    assert await watch.problems() == [NOT_SWEPT_WORDS]
    office.clock.now -= 600
    await sweep(office.arq_context)
    assert await watch.problems() == [], "a sweep is one whenever it was"
