"""Histories of accepted risks that end although their tickets do not say so: deleted, or closed by somebody else."""

from dataclasses import replace
from datetime import timedelta

import pytest

from remediation.domain.policy import Acceptance
from remediation.domain.tickets import Reason
from tests.worlds.agreement import ACCEPTED, OPEN, RESOLVED, REVIEWING
from tests.worlds.histories import ALONE, GATES, accepted, at_rest, closed, deleted, noticed, opened, refused, says
from tests.worlds.judging import SCHOOLSCAN
from tests.worlds.outside import DAY, Change

SHORT = replace(ALONE, acceptance=Acceptance(at_most=timedelta(days=20)))


async def test_an_acceptance_that_schoolscan_keeps_ends_although_its_ticket_said_something_else_and_was_deleted() -> (
    None
):
    world = await opened(replace(ALONE, kept_open=frozenset()))
    await noticed(world, accepted("snow"))
    world.fail(refused(SCHOOLSCAN, "update_finding"))
    await noticed(world, Change("snow", "reason", Reason.NOT_SOLVED))
    await world.later(30 * DAY)
    assert (world.picture().status, world.on_the_list()[0]) == (ACCEPTED, {"patch:resolved"})
    await noticed(world, deleted("snow"))
    assert await at_rest(world) == (REVIEWING, {"snow"})


async def test_an_acceptance_ends_although_its_ticket_was_corrected_and_deleted_before_anybody_saw_that() -> None:
    world = await opened(SHORT)
    await noticed(world, says(ACCEPTED))
    world.happen(Change("snow", "reason", Reason.FIXED))
    await noticed(world, deleted("snow"))
    assert world.picture().status is ACCEPTED
    await world.later(30 * DAY)
    assert await at_rest(world) == (REVIEWING, {"snow"})


@pytest.mark.parametrize("status", [OPEN, RESOLVED])
async def test_what_ended_before_another_word_of_schoolscan_does_not_end_its_next_acceptance(status: str) -> None:
    world = await opened()
    await noticed(world, accepted("snow"), accepted("jira"))
    await noticed(world, Change("snow", "reason", Reason.FIXED))
    await noticed(world, says(status))
    await noticed(world, says(ACCEPTED))
    await noticed(world, deleted("snow"))
    assert (await at_rest(world))[0] is ACCEPTED


@pytest.mark.parametrize("gate", GATES)
async def test_a_ticket_that_a_person_closes_in_place_of_a_worker_that_died_follows_schoolscans_acceptance(
    gate: int,
) -> None:
    world = await opened(SHORT)
    world.happen(says(ACCEPTED))
    await world.look_broken_off(gate, killed=True)
    await noticed(world, closed("snow", Reason.UNKNOWN))
    assert await at_rest(world) == (ACCEPTED, set())
    await world.later(30 * DAY)
    assert (await at_rest(world))[0] in {ACCEPTED, REVIEWING}
