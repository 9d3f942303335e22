"""Histories of closed tickets that people correct, or open and close again, while a worker fails or dies."""

import math
from dataclasses import replace

import pytest

from remediation.domain.policy import KEPT_OPEN, Policy
from remediation.domain.tickets import Reason
from tests.worlds.agreement import ACCEPTED, OPEN, RESOLVED, REVIEWING
from tests.worlds.histories import (
    ALL,
    ALONE,
    ANY,
    GATES,
    STRICT,
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
from tests.worlds.outside import Change, Trouble


def corrected(name: str, reason: Reason, detail: str = "", days: float | None = None) -> Change:
    """A person changes the reason of a ticket that is closed."""
    return Change(name, "reason", reason, detail, days)


async def test_a_person_who_closes_what_was_opened_again_is_not_taken_for_us_while_schoolscan_is_down() -> None:
    world = await opened()
    world.fail(busy(SCHOOLSCAN, "update_finding", lasting=True))
    await noticed(world, accepted("snow", days=None))
    await noticed(world, reopened("snow"), says(ACCEPTED))
    await noticed(world, closed("snow", Reason.UNKNOWN))
    await world.rest()
    assert world.judge.wrongs == []
    assert comments(world, "snow", "risk_expired") == 0


@pytest.mark.parametrize("gate", GATES)
async def test_an_acceptance_of_a_person_is_asked_about_although_a_worker_died_when_the_ticket_was_opened_again(
    gate: int,
) -> None:
    world = await opened()
    await noticed(world, accepted("jira", days=None), says(ACCEPTED))
    world.happen(reopened("snow"))
    await world.look_broken_off(gate, killed=True)
    await noticed(world, accepted("snow", days=-1.0))
    assert world.judge.wrongs == []
    status, _ = await at_rest(world)
    assert status is REVIEWING


async def test_a_deleted_ticket_that_cannot_be_opened_leaves_the_finding_under_review_until_somebody_decides() -> None:
    world = await opened()
    await noticed(world, closed("jira"))
    world.fail(refused("snow", "create", lasting=True))
    await noticed(world, deleted("snow"))
    for _ in range(3):
        await world.look()
        assert (world.picture().status, world.on_the_list()[0]) == (REVIEWING, {"open:snow"})
    await noticed(world, corrected("jira", Reason.FALSE_POSITIVE))
    assert world.picture().status is RESOLVED


@pytest.mark.parametrize("gate", GATES)
async def test_a_finding_is_not_resolved_because_a_worker_died_when_a_ticket_could_not_be_opened(gate: int) -> None:
    world = await opened()
    await noticed(world, closed("jira"))
    world.fail(refused("snow", "create", lasting=True))
    world.happen(deleted("snow"))
    await world.look_broken_off(gate, killed=True)
    await world.look()
    assert world.picture().status is REVIEWING
    world.heal()
    await world.replay()
    assert await at_rest(world) == (REVIEWING, {"snow"})


@pytest.mark.parametrize("is_seen", [True, False])
async def test_a_word_that_decides_nothing_in_place_of_another_one_undoes_nothing_that_schoolscan_says(
    *, is_seen: bool
) -> None:
    world = await opened()
    await noticed(world, closed("snow", Reason.UNKNOWN))
    await noticed(world, accepted("jira", days=50.0))
    if is_seen:
        await noticed(world, says(RESOLVED))
        await noticed(world, Change("snow", "reason", Reason.UNKNOWN, "odd"))
    else:
        world.fail(busy("snow", "read", lasting=True))
        await noticed(world, says(RESOLVED), Change("snow", "reason", Reason.UNKNOWN, "odd"))
    assert await at_rest(world) == (RESOLVED, set())


async def test_one_unknown_word_after_another_is_a_new_reason_under_any() -> None:
    world = await opened(replace(ANY, kept_open=frozenset()))
    await noticed(world, closed("snow", Reason.UNKNOWN))
    await noticed(world, reopened("jira"))
    await noticed(world, Change("snow", "reason", Reason.UNKNOWN, "odd"))
    assert await at_rest(world) == (RESOLVED, set())


@pytest.mark.parametrize("days", [5.0, None])
async def test_a_risk_that_a_person_made_of_our_closing_is_accepted_no_longer_when_its_end_is_garbled(
    days: float | None,
) -> None:
    world = await opened()
    await noticed(world, says(RESOLVED))
    await noticed(world, corrected("snow", Reason.ACCEPTED_RISK, "nobody sees it", days))
    assert world.picture().status is ACCEPTED
    await noticed(world, Change("snow", "risk", detail="nobody sees it", days=math.nan))
    assert await at_rest(world) == (REVIEWING, set())
    assert comments(world, "snow", "risk_unexplained unreadable") == 1


@pytest.mark.parametrize("gate", GATES)
async def test_what_a_person_makes_of_our_closing_is_looked_at_wherever_the_worker_died_that_closed_it(
    gate: int,
) -> None:
    world = await opened(replace(ALONE, kept_open=frozenset({*KEPT_OPEN, Reason.NONE})))
    world.happen(says(ACCEPTED))
    await world.look_broken_off(gate, killed=True)
    await noticed(world, corrected("snow", Reason.UNKNOWN, "odd"))
    await noticed(world, corrected("snow", Reason.NONE))
    await world.rest()
    assert world.judge.wrongs == []


async def test_a_closing_between_two_looks_says_no_more_than_the_one_that_we_made() -> None:
    world = await opened(ALONE)
    await noticed(world, says(ACCEPTED))
    await noticed(world, reopened("snow"), accepted("snow", days=math.nan))
    assert await at_rest(world) == (ACCEPTED, set())


async def test_an_acceptance_that_lacks_a_reason_does_not_keep_a_finding_closed_that_is_found_again() -> None:
    world = await opened(replace(ALONE, acceptance=STRICT))
    await noticed(world, closed("snow", Reason.UNKNOWN))
    await noticed(world, says(ACCEPTED))
    await noticed(world, corrected("snow", Reason.ACCEPTED_RISK))
    assert await at_rest(world) == (ACCEPTED, set())
    await noticed(world, says(OPEN))
    assert await at_rest(world) == (REVIEWING, {"snow"})


async def test_a_ticket_is_opened_once_although_another_one_is_deleted_before_the_reply_is_lost() -> None:
    world = await opened()
    world.happen(deleted("snow"))
    world.fail(Trouble("snow", "created", "crowded"))
    await world.change_during_a_look(17, deleted("jira"))
    assert await at_rest(world) == (REVIEWING, {"snow", "jira"})


@pytest.mark.parametrize("reason", [Reason.NOT_SOLVED, Reason.UNKNOWN])
@pytest.mark.parametrize("policy", [ALL, ANY])
async def test_our_own_closing_does_not_resolve_what_a_person_took_back_where_schoolscan_has_not_answered(
    policy: Policy, reason: Reason
) -> None:
    world = await opened(policy)
    await noticed(world, says(RESOLVED))
    world.fail(Trouble(SCHOOLSCAN, "updated", "busy"))
    await noticed(world, corrected("snow", reason))
    assert await at_rest(world) == (REVIEWING, set())
    assert comments(world, "snow", "kept_open") == 1


@pytest.mark.parametrize("trouble", [busy(SCHOOLSCAN, "updated"), busy(SCHOOLSCAN, "update_finding")])
async def test_a_closing_does_not_count_once_it_was_to_be_undone_and_its_tracker_refused_that(trouble: Trouble) -> None:
    world = await opened(ANY)
    world.fail(refused("snow", "reopen", lasting=True))
    world.fail(trouble)
    await noticed(world, says(OPEN), closed("snow"))
    await world.later(1_000.0)
    assert (world.picture().status, world.picture().active) == (REVIEWING, {"jira"})
    assert world.on_the_list()[0] == {"reopen:snow"}
    world.heal()
    await world.replay()
    assert await at_rest(world) == (REVIEWING, {"snow", "jira"})


async def test_a_reason_that_decided_nothing_beside_an_acceptance_that_lacks_an_end_takes_nothing_back() -> None:
    world = await opened(replace(ALL, acceptance=STRICT))
    await noticed(world, closed("snow", Reason.CANCELLED), accepted("jira", days=None), says(ACCEPTED))
    await noticed(world, corrected("snow", Reason.DUPLICATE))
    await noticed(world, corrected("snow", Reason.CANCELLED))
    await noticed(world, corrected("snow", Reason.NOT_SOLVED))
    assert await at_rest(world) == (ACCEPTED, set())


async def test_a_reason_that_became_an_accepted_risk_counts_as_soon_as_its_end_is_right() -> None:
    world = await opened()
    await noticed(world, closed("jira", Reason.UNKNOWN), says(RESOLVED))
    await noticed(world, corrected("jira", Reason.ACCEPTED_RISK, "nobody sees it", -1.0))
    assert world.picture().status is RESOLVED
    await noticed(world, Change("jira", "risk", detail="nobody sees it", days=5.0))
    assert await at_rest(world) == (ACCEPTED, set())


async def test_a_closing_while_ours_had_to_wait_repeats_what_schoolscan_decided() -> None:
    world = await opened(ALONE)
    world.fail(busy("snow", "resolve", lasting=True))
    await noticed(world, says(ACCEPTED))
    await noticed(world, accepted("snow", "", days=None))
    await noticed(world, Change("snow", "risk", detail="nobody sees it", days=math.nan))
    assert await at_rest(world) == (ACCEPTED, set())


@pytest.mark.parametrize("end", ["answered", "lost", *GATES])
@pytest.mark.parametrize("is_corrected", [True, False])
async def test_a_closing_before_a_person_takes_the_solving_back_decides_nothing_whatever_becomes_of_the_note(
    end: str | int, *, is_corrected: bool
) -> None:
    world = await opened(ANY)
    await noticed(world, accepted("snow", days=-1.0))
    for change in (says(RESOLVED), closed("jira", Reason.DUPLICATE), reopened("snow")):
        world.happen(change)
    if isinstance(end, int):
        await world.look_broken_off(end, killed=True)
    elif end == "lost":
        world.fail(Trouble(SCHOOLSCAN, "updated", "busy"))
    await world.look()
    if is_corrected:
        await noticed(world, corrected("jira", Reason.FIXED))
        assert await at_rest(world) == (RESOLVED, set())
    else:
        assert await at_rest(world) == (REVIEWING, {"snow"})


@pytest.mark.parametrize("end", ["answered", "lost", *GATES])
async def test_a_closing_before_the_end_of_an_acceptance_decides_nothing_whatever_becomes_of_the_note(
    end: str | int,
) -> None:
    world = await opened(ANY)
    await noticed(world, accepted("snow", days=-1.0))
    world.happen(says(ACCEPTED))
    world.happen(closed("jira", Reason.DUPLICATE))
    if isinstance(end, int):
        await world.look_broken_off(end, killed=True)
    elif end == "lost":
        world.fail(Trouble(SCHOOLSCAN, "updated", "busy"))
    await world.look()
    assert await at_rest(world) == (REVIEWING, {"snow"})
