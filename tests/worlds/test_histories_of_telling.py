"""Histories of what people are told, and of what is parked."""

from dataclasses import replace

import pytest

from tests.worlds.agreement import RESOLVED, REVIEWING
from tests.worlds.histories import (
    ALL,
    ANY,
    GATES,
    STRICT,
    accepted,
    at_rest,
    busy,
    closed,
    comments,
    noticed,
    opened,
    refused,
    reopened,
)
from tests.worlds.judging import SCHOOLSCAN
from tests.worlds.outside import HORIZON, Change, Trouble
from tests.worlds.world import World


async def test_a_note_that_came_late_is_not_written_once_more_while_a_comment_has_to_wait() -> None:
    world = World(ALL)
    world.fail(busy(SCHOOLSCAN, "update_finding"))
    await world.look()
    world.fail(busy("snow", "comment", lasting=True))
    world.happen(Change(SCHOOLSCAN, "review", detail="confirmed"))
    await world.look()
    assert await at_rest(world) == (REVIEWING, {"snow", "jira"})
    assert [status for _, status, _ in world.source.updates] == [REVIEWING]


async def test_a_closing_of_what_a_person_reopened_counts_although_a_comment_has_to_wait() -> None:
    world = await opened(ANY)
    await noticed(world, closed("snow"))
    assert world.picture().status is RESOLVED
    world.fail(busy("snow", "comment", lasting=True))
    await noticed(world, reopened("snow"), reopened("jira"), Change(SCHOOLSCAN, "review", detail="confirmed"))
    await noticed(world, closed("snow"))
    assert await at_rest(world) == (RESOLVED, set())


@pytest.mark.parametrize("kind", ["busy", "refused"])
@pytest.mark.parametrize("gate", GATES)
async def test_a_question_is_asked_once_wherever_a_worker_dies_and_whatever_cannot_be_read_then(
    kind: str, gate: int
) -> None:
    world = await opened(replace(ALL, acceptance=STRICT))
    world.happen(accepted("snow"))
    world.happen(accepted("jira", days=None))
    await world.look_broken_off(gate, killed=True)
    world.fail(Trouble("snow", "read", kind))
    await world.look()
    await world.replay()
    assert await at_rest(world) == (REVIEWING, set())
    assert comments(world, "jira", "risk_unexplained") <= 1


@pytest.mark.parametrize("kind", ["busy", "refused"])
async def test_a_worse_severity_is_told_once_while_another_tracker_is_down(kind: str) -> None:
    world = await opened()
    world.fail(Trouble("snow", "read", kind, lasting=True))
    await noticed(world, Change(SCHOOLSCAN, "severity", detail="critical"))
    for _ in range(3):
        await world.later(1_000.0)
        await world.look()
    assert comments(world, "jira", "severity_raised") == 1
    world.heal()
    await world.replay()
    assert await at_rest(world) == (REVIEWING, {"snow", "jira"})
    assert [comments(world, name, "severity_raised") for name in ("snow", "jira")] == [1, 1]


@pytest.mark.parametrize("gate", GATES)
async def test_the_list_shows_what_is_parked_and_nothing_else_wherever_a_worker_dies(gate: int) -> None:
    world = await opened()
    world.fail(refused(SCHOOLSCAN, "finding"))
    await world.look()
    assert world.on_the_list() == ({"look"}, {"look"})
    await world.look_broken_off(gate, killed=True)
    in_row, on_list = world.on_the_list()
    assert in_row == on_list
    await world.later(HORIZON)
    assert await at_rest(world) == (REVIEWING, {"snow", "jira"})
