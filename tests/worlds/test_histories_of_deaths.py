"""Histories of words that came while a worker failed or died."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from remediation.domain.policy import Policy, ResolveWhen
from remediation.domain.tickets import Reason
from tests.worlds.agreement import ACCEPTED, OPEN, RESOLVED, REVIEWING
from tests.worlds.histories import (
    ALL,
    ALONE,
    ANY,
    GATES,
    NEVER,
    accepted,
    at_rest,
    busy,
    closed,
    comments,
    deleted,
    noticed,
    opened,
    refused,
    reopened,
    says,
)
from tests.worlds.judging import SCHOOLSCAN
from tests.worlds.outside import HORIZON, Change, Trouble
from tests.worlds.world import World


@pytest.mark.parametrize("gate", GATES)
async def test_schoolscans_word_against_a_tickets_survives_the_death_of_a_worker(gate: int) -> None:
    world = await opened()
    world.happen(says(RESOLVED))
    world.happen(accepted("jira", days=50.0))
    await world.look_broken_off(gate, killed=True)
    assert await at_rest(world) == (RESOLVED, set())


@pytest.mark.parametrize("gate", GATES)
async def test_schoolscans_word_survives_a_first_note_without_an_answer_and_a_death_of_a_worker(gate: int) -> None:
    world = World(ALONE)
    world.fail(Trouble(SCHOOLSCAN, "updated", "busy"))
    await world.look()
    world.happen(says(ACCEPTED))
    await world.look_broken_off(gate, killed=True)
    assert await at_rest(world) == (ACCEPTED, set())


@pytest.mark.parametrize("gate", GATES)
async def test_a_death_while_tickets_are_followed_leaves_none_behind(gate: int) -> None:
    world = await opened(replace(ANY, reopen_within=timedelta(0)))
    await noticed(world, closed("snow"))
    world.happen(says(REVIEWING))
    world.fail(busy("snow", "create"))
    await world.look_broken_off(gate, killed=True)
    assert await at_rest(world) == (REVIEWING, {"snow", "jira"})


@pytest.mark.parametrize("gate", GATES)
async def test_a_word_of_schoolscan_after_two_deaths_is_not_taken_for_the_note_of_the_first(gate: int) -> None:
    world = await opened()
    world.happen(says(OPEN))
    await world.look_broken_off(10, killed=False)
    world.happen(says(RESOLVED))
    await world.look_broken_off(gate, killed=False)
    await noticed(world, says(REVIEWING))
    assert await at_rest(world) == (REVIEWING, {"snow", "jira"})


@pytest.mark.parametrize("policy", [ALL, ANY, NEVER, replace(NEVER, resolve_when=ResolveWhen.ANY)])
@pytest.mark.parametrize("gate", GATES)
async def test_a_finding_found_again_whose_ticket_was_closed_meanwhile_survives_the_death_of_a_worker(
    policy: Policy, gate: int
) -> None:
    world = await opened(policy)
    world.happen(says(OPEN))
    world.happen(closed("jira", Reason.FALSE_POSITIVE))
    await world.look_broken_off(gate, killed=True)
    assert await at_rest(world) == (REVIEWING, {"snow", "jira"})


@pytest.mark.parametrize("gate", GATES)
@pytest.mark.parametrize("call", ["reopen", "read"])
async def test_a_ticket_whose_reopening_had_to_wait_is_reopened_whenever_a_worker_dies(call: str, gate: int) -> None:
    world = await opened()
    await noticed(world, closed("snow"), closed("jira"))
    world.fail(busy("jira", call))
    world.happen(says(OPEN))
    await world.look_broken_off(gate, killed=True)
    status, active = await at_rest(world)
    assert (status, "snow" in active) == (REVIEWING, True)
    assert call == "read" or active == {"snow", "jira"}


async def test_a_ticket_that_comes_to_light_after_schoolscan_accepted_is_closed() -> None:
    world = await opened(NEVER)
    await noticed(world, closed("snow", Reason.FALSE_POSITIVE))
    world.fail(Trouble("snow", "created", "busy"))
    await noticed(world, says(OPEN))
    await noticed(world, says(ACCEPTED))
    assert await at_rest(world) == (ACCEPTED, set())


async def test_a_ticket_in_place_of_a_deleted_one_that_comes_to_light_late_undoes_nothing() -> None:
    world = await opened()
    await noticed(world, closed("jira", Reason.UNKNOWN))
    world.fail(Trouble("jira", "created", "busy"))
    await noticed(world, deleted("jira"))
    await noticed(world, says(ACCEPTED), closed("snow"))
    assert await at_rest(world) == (ACCEPTED, set())


async def test_schoolscans_word_is_not_taken_for_a_note_of_ours_that_was_surely_not_written() -> None:
    world = await opened(ANY)
    world.fail(refused("jira", "resolve"))
    world.fail(busy(SCHOOLSCAN, "update_finding", lasting=True))
    await noticed(world, closed("snow"))
    await noticed(world, says(RESOLVED))
    world.heal()
    await world.replay()
    assert await at_rest(world) == (RESOLVED, set())


async def test_a_closing_that_was_refused_is_not_taken_for_a_reopening_after_a_note_without_an_answer() -> None:
    world = await opened(ANY)
    world.fail(refused("jira", "resolve"))
    world.fail(Trouble(SCHOOLSCAN, "updated", "busy"))
    await noticed(world, closed("snow"))
    await world.later(1_000.0)
    assert (world.picture().status, world.on_the_list()[0]) == (RESOLVED, {"resolve:jira"})
    await world.replay()
    assert await at_rest(world) == (RESOLVED, set())


@pytest.mark.parametrize("gate", GATES)
async def test_a_finding_found_again_while_people_are_asked_survives_the_death_of_a_worker(gate: int) -> None:
    kept = frozenset({Reason.CANCELLED})
    world = await opened(replace(ALONE, reopen_within=timedelta(0), kept_open=kept))
    await noticed(world, closed("snow", Reason.CANCELLED))
    assert comments(world, "snow", "kept_open") == 1
    world.happen(says(OPEN))
    await world.look_broken_off(gate, killed=True)
    assert await at_rest(world) == (REVIEWING, {"snow"})


async def test_a_ticket_that_could_not_be_read_is_left_closed_when_a_person_reopens_the_other_one() -> None:
    world = await opened()
    await noticed(world, closed("snow"), closed("jira"))
    world.fail(refused("jira", "read"))
    await noticed(world, reopened("snow"), says(ACCEPTED))
    await world.replay()
    assert await at_rest(world) == (REVIEWING, {"snow"})


@pytest.mark.parametrize("gate", GATES)
async def test_an_older_ticket_in_place_of_a_deleted_one_changes_no_reason_when_a_worker_dies(gate: int) -> None:
    world = await opened(replace(ANY, reopen_within=timedelta(0), kept_open=frozenset()))
    await noticed(world, says(OPEN), closed("snow"))
    await noticed(world, Change("jira", "closed", Reason.UNKNOWN, "odd"))
    world.happen(deleted("snow"))
    await world.look_broken_off(gate, killed=True)
    world.happen(says(RESOLVED))
    await world.poll()
    assert await at_rest(world) == (RESOLVED, set())


@pytest.mark.parametrize("reason", [Reason.FIXED, Reason.UNKNOWN, Reason.ACCEPTED_RISK])
async def test_a_ticket_that_followed_a_deleted_one_is_known_again_when_an_older_redis_is_restored(
    reason: Reason,
) -> None:
    world = await opened()
    backup = world.shelves.copy()
    await noticed(world, deleted("snow"))
    follower = world.picture().tickets["snow"].id
    world.restore(backup)
    world.happen(closed("snow", reason))
    await world.look()
    await world.later(HORIZON)
    assert await at_rest(world) == (REVIEWING, {"jira"})
    assert world.picture().tickets["snow"].id == follower


@pytest.mark.parametrize("gate", GATES)
@pytest.mark.parametrize("reason", [Reason.FIXED, Reason.ACCEPTED_RISK])
async def test_a_ticket_that_is_opened_and_closed_during_one_look_is_named_and_then_counts(
    gate: int, reason: Reason
) -> None:
    world = await opened(ALONE)
    world.happen(deleted("snow"))
    await world.change_during_a_look(gate, closed("snow", reason))
    assert (await at_rest(world))[0] in {REVIEWING, RESOLVED, ACCEPTED}


@pytest.mark.parametrize("gate", GATES)
async def test_what_a_person_closes_before_the_status_was_set_stays_closed(gate: int) -> None:
    world = World(ALONE)
    found_at = datetime.fromtimestamp(world.clock() - 60, UTC)
    world.source.findings = {name: replace(each, updated_at=found_at) for name, each in world.source.findings.items()}
    await world.look_broken_off(gate, killed=True)
    if not world.picture().active:
        return
    world.happen(closed("snow"))
    assert await at_rest(world) == (RESOLVED, set())
