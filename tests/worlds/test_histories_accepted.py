"""Histories of accepted risks: what counts, what is asked back, and how they end."""

import math
from dataclasses import replace
from datetime import timedelta

import pytest

from remediation.domain.policy import Acceptance, Policy
from remediation.domain.status import Status
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
from tests.worlds.outside import DAY, Change, Trouble


async def test_an_accepted_risk_counts_under_any_once_its_end_is_filled_in() -> None:
    world = await opened(replace(ANY, acceptance=STRICT))
    await noticed(world, accepted("jira", days=None))
    assert (world.picture().status, comments(world, "jira", "risk_unexplained expiry")) == (REVIEWING, 1)
    await noticed(world, Change("jira", "risk", detail="nobody sees it", days=5.0))
    assert await at_rest(world) == (ACCEPTED, set())


async def test_an_end_that_nobody_can_read_is_asked_about_once_and_accepts_nothing() -> None:
    world = await opened(ALONE)
    await noticed(world, accepted("snow", days=math.nan))
    assert comments(world, "snow", "risk_unexplained unreadable") == 1
    await noticed(world, Change("snow", "risk", detail="another reason", days=math.nan))
    assert await at_rest(world) == (REVIEWING, set())
    assert comments(world, "snow", "risk_unexplained") == 1
    await noticed(world, Change("snow", "risk", detail="nobody sees it", days=5.0))
    assert await at_rest(world) == (ACCEPTED, set())


@pytest.mark.parametrize(
    ("days", "acceptance", "fact"),
    [
        (None, Acceptance(expiry_required=True), "expiry"),
        (None, STRICT, "expiry"),
        (math.nan, STRICT, "unreadable"),
        (math.nan, Acceptance(), "unreadable"),
        (math.nan, Acceptance(at_most=timedelta(days=20)), "unreadable"),
    ],
)
async def test_an_end_that_is_taken_away_from_a_closed_ticket_takes_the_acceptance_back(
    days: float | None, acceptance: Acceptance, fact: str
) -> None:
    world = await opened(replace(ALONE, acceptance=acceptance))
    await noticed(world, accepted("snow"))
    assert await at_rest(world) == (ACCEPTED, set())
    await noticed(world, Change("snow", "risk", detail="nobody sees it", days=days))
    assert await at_rest(world) == (REVIEWING, set())
    assert comments(world, "snow", f"risk_unexplained {fact}") == 1
    await noticed(world, Change("snow", "risk", detail="nobody sees it", days=5.0))
    assert await at_rest(world) == (ACCEPTED, set())
    await world.later(6 * DAY)
    assert await at_rest(world) == (REVIEWING, {"snow"})


async def test_where_no_end_is_demanded_one_that_is_emptied_lasts_and_the_note_says_so() -> None:
    world = await opened(ALONE)
    await noticed(world, accepted("snow"))
    await noticed(world, Change("snow", "risk", detail="nobody sees it"))
    assert await at_rest(world) == (ACCEPTED, set())
    assert [update[1] for update in world.source.updates][-2:] == [ACCEPTED, ACCEPTED]
    await world.later(6 * DAY)
    assert await at_rest(world) == (ACCEPTED, set())


async def test_what_schoolscan_accepts_afterwards_stays_so_although_nobody_can_read_the_end() -> None:
    world = await opened(ALONE)
    await noticed(world, accepted("snow", days=math.nan))
    await noticed(world, says(ACCEPTED))
    assert await at_rest(world) == (ACCEPTED, set())


@pytest.mark.parametrize("gate", GATES)
async def test_an_end_that_is_taken_away_is_asked_about_once_whenever_a_worker_dies(gate: int) -> None:
    world = await opened(replace(ALONE, acceptance=STRICT))
    await noticed(world, accepted("snow"))
    world.happen(Change("snow", "risk", detail="nobody sees it"))
    await world.look_broken_off(gate, killed=True)
    assert await at_rest(world) == (REVIEWING, set())
    assert comments(world, "snow", "risk_unexplained") <= 1


async def test_a_risk_accepted_under_any_asks_nothing_of_the_ticket_that_we_closed_with_it() -> None:
    world = await opened(replace(ANY, acceptance=STRICT))
    world.fail(busy(SCHOOLSCAN, "update_finding"))
    await noticed(world, accepted("jira"))
    assert await at_rest(world) == (ACCEPTED, set())
    assert comments(world, "snow", "risk_unexplained") == 0


async def test_whoever_answers_a_question_by_opening_the_ticket_again_is_not_overruled_by_an_older_closing() -> None:
    world = await opened(ANY)
    await noticed(world, closed("jira", Reason.DUPLICATE), accepted("snow", days=-1.0))
    assert comments(world, "snow", "risk_unexplained past") == 1
    await noticed(world, reopened("snow"))
    assert await at_rest(world) == (REVIEWING, {"snow"})


async def test_a_question_is_asked_once_while_another_tracker_comes_and_goes() -> None:
    world = await opened()
    await noticed(world, accepted("jira", days=-1.0), closed("snow", Reason.ACCEPTED_RISK), says(ACCEPTED))
    await noticed(world, says(REVIEWING))
    await noticed(world, accepted("jira", days=-1.0), accepted("snow", days=-1.0))
    for _ in range(3):
        world.fail(busy("snow", "read"))
        await world.look()
        await world.rest()
    assert world.judge.wrongs == []


async def test_an_acceptance_that_ended_before_another_one_began_is_asked_about_under_any() -> None:
    world = await opened(ANY)
    await noticed(world, accepted("jira", days=-1.0))
    await noticed(world, deleted("snow"))
    await noticed(world, accepted("snow"))
    assert await at_rest(world) == (REVIEWING, set())
    await noticed(world, Change("jira", "risk", detail="nobody sees it", days=5.0))
    assert await at_rest(world) == (ACCEPTED, set())


async def test_a_risk_accepted_beside_one_that_has_ended_is_taken_up_in_one_look() -> None:
    world = await opened()
    await noticed(world, accepted("jira", days=-1.0))
    await noticed(world, says(ACCEPTED))
    assert await at_rest(world) == (REVIEWING, {"snow", "jira"})
    assert comments(world, "snow", "finding_accepted") == 0


async def test_the_end_of_an_acceptance_is_not_undone_because_the_reopening_had_no_answer() -> None:
    world = await opened(ALONE)
    await noticed(world, accepted("snow"))
    world.fail(Trouble("snow", "reopened", "busy"))
    await world.later(6 * DAY)
    assert await at_rest(world) == (REVIEWING, {"snow"})


@pytest.mark.parametrize("gate", GATES)
async def test_the_end_of_an_acceptance_survives_the_death_of_a_worker(gate: int) -> None:
    world = await opened()
    await noticed(world, accepted("snow"), accepted("jira", days=50.0))
    world.clock.pass_by(6 * DAY)
    await world.look_broken_off(gate, killed=True)
    status, active = await at_rest(world)
    assert (status, "snow" in active) == (REVIEWING, True)


async def test_the_end_of_an_acceptance_brings_every_ticket_back_although_schoolscan_has_not_answered() -> None:
    world = await opened()
    await noticed(world, accepted("snow"), accepted("jira"))
    world.fail(Trouble("jira", "reopen", "limited"))
    world.fail(Trouble(SCHOOLSCAN, "updated", "busy"))
    await world.later(6 * DAY)
    assert await at_rest(world) == (REVIEWING, {"snow", "jira"})


@pytest.mark.parametrize("gate", range(20, 24))
async def test_what_schoolscan_accepts_anew_is_not_undone_by_an_acceptance_that_was_taken_back(gate: int) -> None:
    world = await opened(replace(ANY, acceptance=Acceptance(at_most=timedelta(days=20))))
    world.happen(accepted("jira", days=None))
    await world.look_broken_off(gate, killed=True)
    world.happen(Change("snow", "reason", Reason.DUPLICATE))
    await world.later(30 * DAY)
    assert (world.picture().status, world.picture().active) == (REVIEWING, {"jira"})
    await noticed(world, says(ACCEPTED))
    assert await at_rest(world) == (ACCEPTED, set())


@pytest.mark.parametrize("days", [None, math.nan])
@pytest.mark.parametrize("acceptance", [Acceptance(), STRICT])
@pytest.mark.parametrize("is_ours", [True, False])
async def test_the_end_of_an_acceptance_that_is_taken_away_means_nothing_to_a_finding_that_is_resolved(
    days: float | None, acceptance: Acceptance, *, is_ours: bool
) -> None:
    world = await opened(replace(ALONE, acceptance=acceptance))
    if is_ours:
        await noticed(world, says(RESOLVED))
        await noticed(world, Change("snow", "reason", Reason.ACCEPTED_RISK, "nobody sees it", 5.0))
    else:
        await noticed(world, accepted("snow"))
    await noticed(world, says(RESOLVED))
    before = world.written()
    await noticed(world, Change("snow", "risk", detail="nobody sees it", days=days))
    assert await at_rest(world) == (RESOLVED, set())
    assert world.source.updates[-1][1] is not REVIEWING
    assert len(world.source.updates) == before[1]


@pytest.mark.parametrize(("reason", "status"), [(Reason.DUPLICATE, RESOLVED), (Reason.UNKNOWN, REVIEWING)])
async def test_a_ticket_that_no_longer_accepts_its_risk_has_no_end_of_an_acceptance(
    reason: Reason, status: Status
) -> None:
    world = await opened(ALONE)
    await noticed(world, accepted("snow"))
    world.happen(Change("snow", "reason", reason, "very odd"))
    await world.later(6 * DAY)
    assert [update[1:] for update in world.source.updates][2:] == [(status, "reason_changed")]
    assert await at_rest(world) == (status, set())


async def test_what_a_person_fixed_after_an_acceptance_ended_is_resolved_although_schoolscan_refused_its_end() -> None:
    world = await opened(ALONE)
    await noticed(world, accepted("snow"))
    world.fail(refused(SCHOOLSCAN, "update_finding"))
    await world.later(6 * DAY)
    assert (world.picture().active, world.on_the_list()[0]) == ({"snow"}, {"patch:reviewing"})
    await noticed(world, closed("snow"))
    assert world.on_the_list()[0] == {"patch:reviewing"}, "it is still wanted"
    await world.replay()
    assert await at_rest(world) == (RESOLVED, set())


async def test_a_ticket_that_may_not_be_reopened_at_the_end_of_an_acceptance_stays_parked() -> None:
    world = await opened(ALONE)
    world.fail(refused("snow", "reopen", lasting=True))
    await noticed(world, accepted("snow"))
    await world.later(6 * DAY)
    for _ in range(3):
        await world.look()
        assert world.on_the_list() == ({"reopen:snow"}, {"reopen:snow"})
    assert comments(world, "snow", "refused") == 1
    world.heal()
    await world.replay()
    assert await at_rest(world) == (REVIEWING, {"snow"})


async def test_an_acceptance_that_has_ended_is_not_accepted_again_because_a_ticket_says_fixed() -> None:
    world = await opened(replace(ALL, acceptance=Acceptance(at_most=timedelta(days=20))))
    world.fail(refused("jira", "resolve"))
    await noticed(world, says(ACCEPTED))
    world.clock.pass_by(30 * DAY)
    world.happen(closed("jira"))
    await world.look()
    assert [update[1] for update in world.source.updates] == [REVIEWING, REVIEWING]
    assert await at_rest(world) == (REVIEWING, {"snow"})


@pytest.mark.parametrize("kind", ["busy", "refused"])
@pytest.mark.parametrize("lasting", [True, False])
async def test_an_accepted_risk_that_is_found_again_stays_accepted_while_a_tracker_is_down(
    kind: str, *, lasting: bool
) -> None:
    world = await opened()
    await noticed(world, accepted("snow"), accepted("jira"))
    world.fail(Trouble("snow", "read", kind, lasting))
    await noticed(world, says(OPEN))
    assert (world.picture().status, world.picture().active) == (ACCEPTED, set())
    world.heal()
    await world.replay()
    assert await at_rest(world) == (ACCEPTED, set())
    await world.later(6 * DAY)
    assert await at_rest(world) == (REVIEWING, {"snow", "jira"})


@pytest.mark.parametrize("policy", [ALONE, ALL, ANY])
@pytest.mark.parametrize("acceptance", [Acceptance(), Acceptance(at_most=timedelta(days=20))])
@pytest.mark.parametrize("is_noticed", [True, False])
async def test_an_acceptance_ends_although_its_tickets_were_deleted(
    policy: Policy, acceptance: Acceptance, *, is_noticed: bool
) -> None:
    world = await opened(replace(policy, acceptance=acceptance))
    await noticed(world, *map(accepted, policy.trackers))
    for name in policy.trackers:
        world.happen(deleted(name))
    if is_noticed:
        await world.look()
    assert world.picture().status is ACCEPTED
    await world.later(6 * DAY)
    assert await at_rest(world) == (REVIEWING, set(policy.trackers))


@pytest.mark.parametrize("days", [-1.0, None, 5.0])
async def test_a_later_end_counts_under_any_although_a_wiped_store_has_forgotten_that_it_was_asked_for(
    days: float | None,
) -> None:
    world = await opened(replace(ANY, acceptance=STRICT))
    await noticed(world, accepted("jira", days=days))
    world.wipe()
    await world.look()
    await world.later(11.0)
    await noticed(world, Change("jira", "risk", detail="nobody sees it", days=50.0))
    assert await at_rest(world) == (ACCEPTED, set())
