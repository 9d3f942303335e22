"""Histories that once ended wrongly while both sides were kept in step: what people did, what failed, how it must end.

Each is played in a whole world in memory, whose judge sees every write; at the end everything comes to rest.
"""

from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
from structlog.testing import capture_logs

from remediation.findings import FindingStatus
from remediation.policy import FOR_EVER, Acceptance, Policy, ResolveWhen
from remediation.tickets import Reason, Ticket, TicketState
from tests.worlds.agreement import ACCEPTED, GONE, OPEN, RESOLVED, REVIEWING
from tests.worlds.judging import SCHOOLSCAN
from tests.worlds.outside import DAY, HORIZON, Change, Trouble
from tests.worlds.world import World

ALL = Policy("every-finding", ("snow", "jira"))
ANY = replace(ALL, resolve_when=ResolveWhen.ANY)
NEVER = replace(ALL, reopen_within=timedelta(0))
STRICT = Acceptance(reason_required=True, expiry_required=True)
ALONE = replace(ALL, trackers=("snow",))
GATES = range(1, 46)


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    with capture_logs():
        yield


async def opened(policy: Policy = ALL) -> World:
    """A world in which the tickets are open, and nothing is left to do."""
    world = World(policy)
    await world.look()
    assert (world.picture().status, world.is_clean) == (REVIEWING, True)
    return world


async def forgotten(policy: Policy) -> World:
    """A world in which the finding was resolved, its tickets closed, and Redis lost."""
    world = await opened(policy)
    await noticed(world, says(RESOLVED))
    world.wipe()
    await world.look()
    await world.later(HORIZON)
    return world


async def noticed(world: World, *changes: Change) -> None:
    """All of this happens, and then a worker looks."""
    for change in changes:
        world.happen(change)
    await world.look()


def says(status: str) -> Change:
    """A word of SchoolScan's."""
    return Change(SCHOOLSCAN, status)


def closed(name: str, reason: Reason = Reason.FIXED) -> Change:
    return Change(name, "closed", reason)


def accepted(name: str, why: str = "nobody sees it", days: float | None = 5.0) -> Change:
    return Change(name, "closed", Reason.ACCEPTED_RISK, why, days)


def reopened(name: str) -> Change:
    return Change(name, "reopened")


def deleted(name: str) -> Change:
    return Change(name, "deleted")


def busy(where: str, call: str, *, lasting: bool = False) -> Trouble:
    return Trouble(where, call, "busy", lasting)


def refused(where: str, call: str, *, lasting: bool = False) -> Trouble:
    return Trouble(where, call, "refused", lasting)


async def at_rest(world: World) -> tuple[FindingStatus, set[str]]:
    """Where the finding stands and which tickets are active, once everything has come to rest."""
    await world.rest()
    assert world.judge.wrongs == []
    assert (world.is_clean, world.on_the_list()) == (True, (set(), set()))
    before = world.written()
    await world.look()
    assert (world.written(), world.judge.wrongs) == (before, [])
    return world.picture().status, world.picture().active


def comments(world: World, name: str, word: str) -> int:
    return sum(word in text for kept in world.books[name].books.values() for text in kept.comments)


# A finding that is gone.


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


# Accepted risks.


async def test_an_accepted_risk_counts_under_any_once_its_end_is_filled_in() -> None:
    world = await opened(replace(ANY, acceptance=STRICT))
    await noticed(world, accepted("jira", days=None))
    assert (world.picture().status, comments(world, "jira", "risk_unexplained expiry")) == (REVIEWING, 1)
    await noticed(world, Change("jira", "risk", detail="nobody sees it", days=5.0))
    assert await at_rest(world) == (ACCEPTED, set())


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


# Words that came while a worker failed or died.


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


# What is told, and what is parked.


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
