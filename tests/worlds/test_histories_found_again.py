"""Histories of findings that were found again, or are gone, and of tickets that were deleted."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from remediation.domain.policy import FOR_EVER, Policy
from remediation.domain.tickets import Reason, Ticket, TicketState
from tests.worlds.agreement import ACCEPTED, GONE, OPEN, RESOLVED, REVIEWING
from tests.worlds.histories import (
    ALL,
    ALONE,
    ANY,
    NEVER,
    accepted,
    at_rest,
    busy,
    closed,
    comments,
    deleted,
    forgotten,
    noticed,
    opened,
    refused,
    reopened,
    says,
)
from tests.worlds.judging import SCHOOLSCAN
from tests.worlds.outside import DAY, Change, Trouble
from tests.worlds.world import World

# A finding that is gone.


async def test_of_a_solved_finding_that_was_forgotten_a_poll_tells_the_tickets_that_are_open() -> None:
    world = await opened()
    world.wipe()
    world.happen(says(RESOLVED))
    assert await at_rest(world) == (RESOLVED, set())


async def test_what_a_person_opens_again_stays_open_although_the_finding_is_gone() -> None:
    world = await opened(replace(ALL, closes_gone=True))
    await noticed(world, says(GONE))
    assert world.picture().active == set()
    for _ in range(3):
        await noticed(world, reopened("snow"))
    assert await at_rest(world) == (GONE, {"snow"})
    await noticed(world, says("back"), says(RESOLVED))
    await noticed(world, says(OPEN))
    await noticed(world, says(GONE))
    assert await at_rest(world) == (GONE, set())


async def test_what_a_person_opens_again_stays_open_although_the_comment_that_tells_of_it_was_refused() -> None:
    world = await opened(replace(ALL, closes_gone=True))
    await noticed(world, says(GONE))
    world.fail(refused("snow", "comment"))
    await noticed(world, reopened("snow"))
    assert world.on_the_list()[0] == {"comment:snow:finding_gone"}
    await world.look()
    assert world.picture().active == {"snow"}
    await world.replay()
    assert await at_rest(world) == (GONE, {"snow"})


# Found again.


@pytest.mark.parametrize("notices", [World.look, World.poll])
@pytest.mark.parametrize("kind", ["busy", "refused"])
@pytest.mark.parametrize("policy", [ALL, ANY, NEVER])
async def test_a_forgotten_ticket_that_no_search_found_at_first_is_worked_on_again(
    policy: Policy, kind: str, notices: Callable[[World], Awaitable[None]]
) -> None:
    world = await forgotten(policy)
    world.fail(Trouble("snow", "find", kind))
    world.happen(says(OPEN))
    await notices(world)
    assert world.picture().active == {"jira"}
    await world.replay()
    assert await at_rest(world) == (REVIEWING, {"snow", "jira"})


async def test_a_forgotten_ticket_that_a_person_closed_after_the_finding_was_taken_up_stays_closed() -> None:
    world = await forgotten(ALL)
    world.fail(busy("snow", "find"))
    await noticed(world, says(OPEN))
    world.happen(reopened("snow"))
    world.happen(closed("snow"))
    assert await at_rest(world) == (REVIEWING, {"jira"})


async def test_a_ticket_whose_reopening_had_to_wait_is_reopened_although_another_is_already() -> None:
    world = await opened()
    await noticed(world, closed("snow"), closed("jira"))
    world.fail(busy("snow", "reopen"))
    await noticed(world, says(OPEN))
    assert world.picture().active == {"jira"}
    assert await at_rest(world) == (REVIEWING, {"snow", "jira"})


@pytest.mark.parametrize("call", ["read", "reopen"])
async def test_a_ticket_of_a_tracker_that_was_down_when_its_finding_was_found_again_is_reopened_later(
    call: str,
) -> None:
    world = await opened()
    await noticed(world, closed("snow"), closed("jira"))
    world.fail(busy("snow", call, lasting=True))
    await noticed(world, says(OPEN))
    await world.look()
    assert (world.picture().status, world.picture().active) == (REVIEWING, {"jira"})
    assert await at_rest(world) == (REVIEWING, {"snow", "jira"})


@pytest.mark.parametrize(
    ("policy", "call", "kind"),
    [(ALL, "reopen", "limited"), (NEVER, "create", "limited"), (ALL, "read", "busy"), (ANY, "reopen", "crowded")],
)
@pytest.mark.parametrize("is_open", [True, False])
async def test_a_ticket_whose_reopening_had_to_wait_is_reopened_although_schoolscan_has_not_answered(
    policy: Policy, call: str, kind: str, *, is_open: bool
) -> None:
    world = await opened(replace(policy, kept_open=frozenset({Reason.CANCELLED})))
    await noticed(world, closed("jira", Reason.CANCELLED))
    await noticed(world, *([] if is_open else [closed("snow")]))
    world.fail(Trouble("jira", call, kind))
    world.fail(Trouble(SCHOOLSCAN, "updated", "busy"))
    await noticed(world, says(OPEN))
    assert (world.picture().status, world.picture().active) == (REVIEWING, {"snow"})
    assert await at_rest(world) == (REVIEWING, {"snow", "jira"})


@pytest.mark.parametrize("call", ["reopen", "read"])
async def test_what_a_person_has_closed_once_more_is_not_reopened_because_schoolscan_has_not_answered(
    call: str,
) -> None:
    world = await opened()
    await noticed(world, closed("snow"), closed("jira"))
    world.fail(Trouble("jira", call, "busy", lasting=True))
    world.fail(Trouble(SCHOOLSCAN, "updated", "busy"))
    await noticed(world, says(OPEN))
    world.happen(reopened("jira"))
    await noticed(world, closed("jira"))
    status, active = await at_rest(world)
    assert (status, "snow" in active) == (REVIEWING, True)
    assert call == "read" or active == {"snow"}


async def test_a_finding_found_again_is_not_accepted_by_an_older_closing_whose_ticket_could_not_be_followed() -> None:
    world = await opened(replace(ANY, reopen_within=timedelta(0)))
    world.fail(busy("snow", "create"))
    await noticed(world, accepted("snow"), says(OPEN))
    assert await at_rest(world) == (REVIEWING, {"snow", "jira"})


async def test_what_a_person_calls_reviewing_is_not_accepted_because_a_scan_came_in_between() -> None:
    world = await opened(ALONE)
    await noticed(world, says(RESOLVED), accepted("snow"))
    world.fail(busy(SCHOOLSCAN, "update_finding"))
    await noticed(world, says(OPEN))
    await noticed(world, says(REVIEWING))
    assert await at_rest(world) == (REVIEWING, {"snow"})


async def test_what_schoolscan_calls_resolved_is_worked_on_when_it_is_found_again_although_a_ticket_says_accepted() -> (
    None
):
    world = await opened()
    await noticed(world, says(ACCEPTED))
    await noticed(world, says(RESOLVED))
    await noticed(world, says(OPEN))
    assert await at_rest(world) == (REVIEWING, {"snow", "jira"})


async def test_a_ticket_that_is_never_opened_again_is_followed_when_a_person_asks_for_the_reopening_once_more() -> None:
    world = await opened(ALONE)
    await noticed(world, closed("snow"))
    world.fail(refused("snow", "reopen"))
    await noticed(world, says(OPEN))
    world.happen(Change("snow", "final"))
    await world.replay()
    assert await at_rest(world) == (REVIEWING, {"snow"})
    assert len(world.books["snow"].books) == 2


async def test_a_ticket_that_follows_is_not_told_that_its_finding_is_worse_than_it_was() -> None:
    world = await opened(NEVER)
    await noticed(world, closed("jira"), says(OPEN), Change(SCHOOLSCAN, "severity", detail="critical"))
    assert await at_rest(world) == (REVIEWING, {"snow", "jira"})
    assert (comments(world, "snow", "severity"), comments(world, "jira", "severity")) == (1, 0)
    assert world.picture().tickets["jira"].urgency["priority"] == "Highest"


@pytest.mark.parametrize("ahead", [0, 90])
def test_a_rule_that_never_reopens_means_it_whatever_the_trackers_clock_says(ahead: float) -> None:
    now = World(NEVER).picture().at
    ticket = Ticket("snow", "1", "1", "", TicketState.DONE, closed_at=now + timedelta(seconds=ahead))
    assert not NEVER.reopens(ticket, now)
    assert ALL.reopen_within == FOR_EVER
    assert ALL.reopens(ticket, now)


# Deleted tickets.


async def test_a_deleted_ticket_is_not_replaced_by_the_one_that_it_followed() -> None:
    world = await opened(replace(ALONE, reopen_within=timedelta(0)))
    await noticed(world, closed("snow", Reason.DUPLICATE))
    await world.later(DAY)
    await noticed(world, says(OPEN))
    await noticed(world, deleted("snow"))
    assert await at_rest(world) == (REVIEWING, {"snow"})


async def test_a_deleted_ticket_decides_nothing_through_the_one_it_followed_when_another_is_reopened() -> None:
    world = await opened(replace(ANY, reopen_within=timedelta(0)))
    await noticed(world, closed("snow", Reason.FALSE_POSITIVE))
    await noticed(world, says(OPEN))
    await noticed(world, accepted("jira"))
    await noticed(world, deleted("snow"))
    await noticed(world, reopened("jira"))
    status, active = await at_rest(world)
    assert (status, "jira" in active) == (REVIEWING, True)


async def test_schoolscans_word_counts_although_no_note_has_named_the_ticket_in_place_of_a_deleted_one() -> None:
    world = await opened()
    await noticed(world, closed("snow", Reason.UNKNOWN))
    world.fail(busy(SCHOOLSCAN, "update_finding"))
    await noticed(world, deleted("snow"))
    await noticed(world, says(RESOLVED))
    assert await at_rest(world) == (RESOLVED, set())


async def test_what_was_asked_for_again_and_done_is_not_done_once_more_when_its_ticket_is_closed() -> None:
    world = await opened()
    world.happen(deleted("jira"))
    world.fail(refused("jira", "create"))
    await world.look()
    world.fail(busy("snow", "read", lasting=True))
    await world.replay()
    await noticed(world, closed("jira"))
    assert await at_rest(world) == (REVIEWING, {"snow"})
    assert len(world.books["jira"].books) == 2
