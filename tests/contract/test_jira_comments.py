"""Whom Jira's comments are for: what we write in a service project, and what of people's words may be copied."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from remediation.domain.tickets import Reason, Ticket, TicketState
from remediation.ports import Tracker
from remediation.trackers.jira.tracker import Jira
from sandbox.jira.stand_in import APP
from tests.contract.jira_world import JiraWorld, jira_world
from tests.contract.tracker_suite import mark_of

MARK = mark_of("fnd_1")
INTERNAL = {"key": "sd.public.comment", "value": {"internal": True}}


@pytest.fixture(params=["cloud", "data_center"])
def world(request: pytest.FixtureRequest) -> Iterator[JiraWorld]:
    with jira_world(request.param) as world:
        yield world


@asynccontextmanager
async def connected(world: JiraWorld, **settings: Any) -> AsyncIterator[Jira]:
    tracker = world.connect(**settings)
    yield tracker
    await tracker.close()


async def written_everywhere(tracker: Tracker, world: JiraWorld) -> Ticket:
    """A ticket on which every way to comment was taken, in a project whose transitions have screens."""
    ticket = await tracker.create(world.draft(MARK))
    await tracker.comment(ticket.id, "one")
    assert (await tracker.resolve(ticket.id, Reason.FIXED, "two")).state is TicketState.DONE
    assert (await tracker.reopen(ticket.id, "three")).state.is_active
    return ticket


def internal_ones(world: JiraWorld, ticket: Ticket) -> dict[str, bool]:
    """Of each comment, whether customers of a service project are kept from it."""
    shown = world.write("GET", f"issue/{ticket.id}/comment")["comments"]
    path = "/rest/api/2/comment/{}/properties/sd.public.comment"
    answers = {each["body"]: world.http.get(path.format(each["id"]), auth=world.priya) for each in shown}
    return {body: answer.status_code == 200 and answer.json() == INTERNAL for body, answer in answers.items()}


async def test_customers_of_a_service_project_read_none_of_our_comments_where_the_tracker_says_so(
    world: JiraWorld,
) -> None:
    async with connected(world, comments="internal") as tracker:
        ticket = await written_everywhere(tracker, world)
    assert internal_ones(world, ticket) == {"one": True, "two": True, "three": True}


async def test_comments_are_as_any_others_where_nothing_is_said(world: JiraWorld) -> None:
    async with connected(world) as tracker:
        ticket = await written_everywhere(tracker, world)
    assert internal_ones(world, ticket) == {"one": False, "two": False, "three": False}


async def test_what_a_person_wrote_for_agents_or_for_a_group_only_is_not_copied(world: JiraWorld) -> None:
    async with connected(world) as tracker:
        ticket = await tracker.create(world.draft(MARK))
        world.close_as_person(ticket, Reason.FIXED, "Taken offline")
        notes: tuple[dict[str, object], ...] = (
            {"properties": [INTERNAL]},
            {"visibility": {"type": "role", "value": "Service Desk Team"}},
        )
        for note in notes:
            world.write("POST", f"issue/{ticket.id}/comment", {"body": "The parent was furious", **note})
        assert await tracker.closing_words(ticket.id) == "Taken offline"


async def test_a_comment_whose_audience_cannot_be_learned_is_not_copied(world: JiraWorld) -> None:
    async with connected(world) as tracker:
        ticket = await tracker.create(world.draft(MARK))
        world.close_as_person(ticket, Reason.FIXED, "Taken offline")
        public = [{"key": "sd.public.comment", "value": {"internal": "no idea"}}]
        world.write("POST", f"issue/{ticket.id}/comment", {"body": "For whom?", "properties": public})
        expected = "For whom?" if world.deployment == "cloud" else "Taken offline"
        assert await tracker.closing_words(ticket.id) == expected, "Cloud itself says for whom it is"


async def test_what_an_app_wrote_when_it_closed_the_issue_is_no_persons_word() -> None:
    with jira_world("cloud") as world:
        world.priya = (APP.email, APP.token)
        async with connected(world) as tracker:
            ticket = await tracker.create(world.draft(MARK))
            world.close_as_person(ticket, Reason.FIXED, "Closed by a rule")
            assert await tracker.closing_words(ticket.id) is None
