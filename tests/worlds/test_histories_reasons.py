"""Histories of reasons: given late, corrected, not understood, or left from an earlier closing."""

import json
from dataclasses import replace
from datetime import timedelta

import pytest

from remediation.domain.policy import Acceptance
from remediation.domain.tickets import Reason
from tests.worlds.agreement import ACCEPTED, OPEN, RESOLVED, REVIEWING
from tests.worlds.histories import (
    ALONE,
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
    says,
)
from tests.worlds.judging import SCHOOLSCAN
from tests.worlds.outside import DAY, KEY, Change
from tests.worlds.world import World

NOT_OURS = "Parked for ever"


def corrected(name: str, reason: Reason, detail: str = "", days: float | None = None) -> Change:
    """A person changes the reason of a ticket that is closed."""
    return Change(name, "reason", reason, detail, days)


async def mended(reason: Reason = Reason.FIXED) -> World:
    """A world in which the tickets were closed, and the finding is resolved."""
    world = await opened()
    await noticed(world, closed("snow", reason), closed("jira", reason))
    assert world.picture().status is RESOLVED
    return world


def notes(world: World) -> int:
    return len(world.source.updates)


async def test_a_reason_that_an_automation_gives_seconds_later_gets_a_note_of_its_own() -> None:
    world = await mended(Reason.NONE)
    before = notes(world)
    await noticed(world, corrected("snow", Reason.FIXED), corrected("jira", Reason.FIXED))
    assert (world.picture().status, notes(world)) == (RESOLVED, before + 1)
    assert await at_rest(world) == (RESOLVED, set())


async def test_a_fix_that_is_corrected_to_an_accepted_risk_is_one_when_it_says_enough() -> None:
    world = await opened(replace(ALONE, acceptance=STRICT))
    await noticed(world, closed("snow"))
    await noticed(world, corrected("snow", Reason.ACCEPTED_RISK))
    assert (world.picture().status, comments(world, "snow", "risk_unexplained reason,expiry")) == (REVIEWING, 1)
    await noticed(world, Change("snow", "risk", detail="nobody sees it", days=5.0))
    assert await at_rest(world) == (ACCEPTED, set())


async def test_a_reason_that_does_not_count_takes_the_decision_back_and_asks_once() -> None:
    world = await mended()
    await noticed(world, corrected("snow", Reason.NOT_SOLVED), corrected("jira", Reason.NONE))
    await world.look()
    assert (world.picture().status, comments(world, "snow", "kept_open")) == (REVIEWING, 1)
    assert comments(world, "jira", "kept_open") == 0
    await noticed(world, reopened("snow"))
    assert await at_rest(world) == (REVIEWING, {"snow"})


async def test_a_word_that_nothing_maps_is_named_and_another_one_is_asked_about_anew() -> None:
    world = await opened(ALONE)
    await noticed(world, Change("snow", "closed", Reason.UNKNOWN, NOT_OURS))
    assert (world.picture().status, comments(world, "snow", NOT_OURS)) == (REVIEWING, 1)
    await noticed(world, corrected("snow", Reason.UNKNOWN, "Parked"))
    assert comments(world, "snow", "kept_open unknown: Parked") == 2
    await noticed(world, corrected("snow", Reason.FIXED))
    assert await at_rest(world) == (RESOLVED, set())


async def test_a_risk_that_is_mended_after_all_is_resolved() -> None:
    world = await opened()
    await noticed(world, accepted("snow"), accepted("jira"))
    await noticed(world, corrected("jira", Reason.FIXED))
    assert await at_rest(world) == (RESOLVED, set())


async def test_under_any_a_ticket_that_decided_nothing_can_still_decide() -> None:
    world = await opened(ANY)
    await noticed(world, closed("snow", Reason.CANCELLED))
    assert (world.picture().status, world.picture().active) == (REVIEWING, {"jira"})
    await noticed(world, corrected("snow", Reason.FIXED))
    assert await at_rest(world) == (RESOLVED, set())


@pytest.mark.parametrize("gate", [0, *GATES])
async def test_under_any_what_we_closed_with_it_is_no_decision_when_that_is_taken_back(gate: int) -> None:
    """Also where the worker died while it closed the others; 0: it did not."""
    world = await opened(ANY)
    world.happen(closed("snow"))
    await (world.look_broken_off(gate, killed=True) if gate else world.look())
    assert await at_rest(world) == (RESOLVED, set())
    await noticed(world, corrected("snow", Reason.NOT_SOLVED))
    assert (world.picture().status, comments(world, "jira", "kept_open")) == (REVIEWING, 0)
    await world.look()
    assert (world.picture().status, comments(world, "snow", "kept_open")) == (REVIEWING, 1)


async def test_under_any_a_fix_that_is_corrected_to_an_accepted_risk_is_one_and_stays_one() -> None:
    world = await opened(ANY)
    await noticed(world, closed("snow"))
    await noticed(world, corrected("snow", Reason.ACCEPTED_RISK))
    assert world.picture().status is ACCEPTED
    await noticed(world, says(OPEN))
    assert (world.picture().status, world.picture().active) == (ACCEPTED, set())


async def test_what_we_closed_for_schoolscan_is_no_decision_when_a_person_corrects_another_ticket() -> None:
    world = await opened()
    await noticed(world, says(RESOLVED))
    await noticed(world, corrected("snow", Reason.NOT_SOLVED))
    assert (world.picture().status, comments(world, "snow", "kept_open")) == (REVIEWING, 1)
    await world.look()
    assert world.picture().status is REVIEWING


@pytest.mark.parametrize(("before", "after"), [("odd", "very odd"), ("odd", ""), ("", "odd")])
async def test_a_reason_that_did_not_count_takes_nothing_back_when_it_becomes_another(before: str, after: str) -> None:
    """SchoolScan resolved the finding, and the ticket decided nothing, neither before nor after; "" is not solved."""
    world = await opened()
    await noticed(world, Change("jira", "closed", Reason.UNKNOWN if before else Reason.NOT_SOLVED, before))
    await noticed(world, says(RESOLVED))
    assert (world.picture().status, world.picture().active) == (RESOLVED, set())
    told = comments(world, "jira", "kept_open")
    await noticed(world, corrected("jira", Reason.UNKNOWN if after else Reason.NOT_SOLVED, after))
    assert await at_rest(world) == (RESOLVED, set())
    assert comments(world, "jira", "kept_open") == told
    await noticed(world, corrected("jira", Reason.FIXED))
    assert await at_rest(world) == (RESOLVED, set())


async def test_the_reason_may_change_while_schoolscan_decides_otherwise() -> None:
    world = await mended()
    await noticed(world, corrected("snow", Reason.FALSE_POSITIVE), says(ACCEPTED))
    assert comments(world, "snow", "conflict") == 1
    assert await at_rest(world) == (ACCEPTED, set())


@pytest.mark.parametrize("trouble", [busy, refused])
async def test_a_note_about_a_changed_reason_that_schoolscan_does_not_take_is_still_owed(trouble: object) -> None:
    world = await mended()
    world.fail(trouble(SCHOOLSCAN, "update_finding", lasting=True))  # type: ignore[operator]  # one of two functions
    await noticed(world, corrected("snow", Reason.CANCELLED), corrected("jira", Reason.CANCELLED))
    for _ in range(3):
        await world.look()
    assert comments(world, "snow", "kept_open") == 0, "SchoolScan does not say so yet"
    world.heal()
    await world.replay()
    await world.later(1_000.0)
    assert (world.picture().status, comments(world, "snow", "kept_open")) == (REVIEWING, 1)
    assert await at_rest(world) == (REVIEWING, set())


async def test_a_changed_reason_waits_for_a_tracker_that_is_away() -> None:
    world = await mended()
    world.fail(busy("snow", "read", lasting=True))
    await noticed(world, corrected("jira", Reason.NOT_SOLVED))
    assert world.picture().status is RESOLVED
    world.heal()
    await world.later(1_000.0)
    assert await at_rest(world) == (RESOLVED, set())


@pytest.mark.parametrize("gate", GATES)
async def test_a_changed_reason_survives_the_death_of_a_worker(gate: int) -> None:
    world = await mended()
    world.happen(corrected("snow", Reason.NOT_SOLVED))
    world.happen(corrected("jira", Reason.NOT_SOLVED))
    await world.look_broken_off(gate, killed=True)
    assert await at_rest(world) == (REVIEWING, set())


async def left_with(reason: Reason) -> World:
    """A world whose finding was found again, and whose tracker kept the word when we opened the ticket."""
    world = await opened(ALONE)
    world.books["snow"].keeps_words = True
    await noticed(world, closed("snow", reason))
    await noticed(world, says(OPEN))
    if world.picture().status is ACCEPTED:  # nothing is opened for a risk that is still accepted
        await noticed(world, says(REVIEWING))
    assert (world.picture().status, world.picture().active) == (REVIEWING, {"snow"})
    return world


async def test_a_word_that_was_left_is_told_and_is_no_decision_of_whoever_closes_the_ticket() -> None:
    world = await left_with(Reason.ACCEPTED_RISK)
    assert comments(world, "snow", "left_over accepted_risk") == 1
    await noticed(world, closed("snow", Reason.ACCEPTED_RISK))
    assert (world.picture().status, comments(world, "snow", "kept_open left_over: accepted_risk")) == (REVIEWING, 1)
    await noticed(world, reopened("snow"))
    await noticed(world, closed("snow", Reason.ACCEPTED_RISK))
    assert world.picture().status is ACCEPTED, "opened and closed once more by a person, the same word counts"


async def test_a_fix_that_was_left_needs_no_new_word() -> None:
    world = await left_with(Reason.FIXED)
    await noticed(world, closed("snow", Reason.FIXED))
    assert (world.picture().status, comments(world, "snow", "kept_open")) == (RESOLVED, 0)


async def test_a_word_that_is_chosen_anew_counts_beside_one_that_was_left() -> None:
    world = await left_with(Reason.FIXED)
    await noticed(world, closed("snow", Reason.ACCEPTED_RISK))
    assert world.picture().status is ACCEPTED


async def test_a_word_that_was_left_does_not_count_against_our_own_closing() -> None:
    world = await left_with(Reason.ACCEPTED_RISK)
    await noticed(world, says(ACCEPTED))
    assert (world.picture().status, world.picture().active) == (ACCEPTED, set())
    before = world.written()
    await world.look()
    assert world.written() == before


@pytest.mark.parametrize("word", ["Known error", ""])
@pytest.mark.parametrize("is_older", [True, False])
async def test_a_risk_that_schoolscan_accepted_stays_accepted_under_any_code(word: str, *, is_older: bool) -> None:
    """Also where a version without reasons had closed the ticket: its row does not say why."""
    world = await opened(ALONE)
    world.books["snow"].words = {Reason.ACCEPTED_RISK: (Reason.NOT_SOLVED if word else Reason.NONE, word)}
    await noticed(world, says(ACCEPTED))
    if is_older:
        row = world.shelves.rows[KEY.ref]
        row["memory"] = json.dumps({**json.loads(row["memory"]), "closings": {}}).encode()
    before = world.written()
    await world.look()
    await world.look()
    assert world.written() == before, "a case at rest stays at rest"
    await noticed(world, says(OPEN))
    assert (world.picture().status, world.picture().active) == (ACCEPTED, set())


async def test_a_ticket_that_was_opened_and_closed_since_a_risk_was_accepted_does_not_accept_it() -> None:
    """Workers died in every look between: no closing of this ticket is remembered, and it is not one of ours."""
    kept = frozenset({Reason.CANCELLED, Reason.NOT_SOLVED, Reason.UNKNOWN})
    terms = replace(ANY, trackers=("snow",), reopen_within=timedelta(days=10), kept_open=kept, acceptance=STRICT)
    world = World(terms, REVIEWING)
    steps = [
        (says(ACCEPTED), 23, False),
        (says(REVIEWING), 11, True),
        (corrected("snow", Reason.UNKNOWN), 18, False),
        (closed("snow", Reason.NONE), 13, True),
        (says(OPEN), 14, False),
        (closed("snow", Reason.FALSE_POSITIVE), 38, False),
        (corrected("jira", Reason.UNKNOWN), 25, True),
    ]
    for change, gate, killed in steps:
        world.happen(change)
        await world.look_broken_off(gate, killed=killed)
    await world.rest()
    assert world.judge.wrongs == []


@pytest.mark.parametrize("word", ["Known error", ""])
async def test_a_risk_that_schoolscan_accepted_ends_under_any_code(word: str) -> None:
    world = await opened(replace(ALONE, acceptance=Acceptance(at_most=timedelta(days=20))))
    world.books["snow"].words = {Reason.ACCEPTED_RISK: (Reason.NOT_SOLVED if word else Reason.NONE, word)}
    await noticed(world, says(ACCEPTED))
    await world.later(19 * DAY)
    assert (world.picture().status, world.picture().active) == (ACCEPTED, set())
    await world.later(2 * DAY)
    assert (world.picture().status, world.picture().active) == (REVIEWING, {"snow"})


@pytest.mark.parametrize("gate", [0, *GATES])
async def test_a_risk_ends_that_we_closed_with_the_word_that_was_left(gate: int) -> None:
    """Also where the worker died while it did so; 0: it did not."""
    world = await opened(replace(ALONE, acceptance=Acceptance(at_most=timedelta(days=20))))
    world.books["snow"].keeps_words = True
    world.books["snow"].words = {Reason.ACCEPTED_RISK: (Reason.NOT_SOLVED, "Known error")}
    await noticed(world, says(ACCEPTED))
    await world.later(21 * DAY)
    assert comments(world, "snow", "left_over Known error") == 1
    world.happen(says(ACCEPTED))
    await (world.look_broken_off(gate, killed=True) if gate else world.look())
    await world.rest()
    assert (world.picture().status, world.picture().active) == (ACCEPTED, set())
    await world.later(21 * DAY)
    assert (world.picture().status, world.picture().active) == (REVIEWING, {"snow"})


async def test_a_row_of_an_earlier_version_plans_nothing_whatever_its_tickets_say() -> None:
    world = await mended()
    for name in world.books:
        world.happen(corrected(name, Reason.CANCELLED))
    row = world.shelves.rows[KEY.ref]
    row["memory"] = json.dumps({k: v for k, v in json.loads(row["memory"]).items() if k != "closings"}).encode()
    before = world.written()
    await world.look()
    await world.look()
    assert world.written() == before
