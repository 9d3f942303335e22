"""Tickets in a table that was ours before: read and written by that table's own words, never by today's."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from remediation.domain.errors import Refused
from remediation.domain.tickets import Draft, Reason, Ticket, TicketState
from remediation.trackers.servicenow.tracker import ServiceNow
from tests.contract.servicenow_world import ServiceNowWorld, servicenow_world
from tests.contract.tracker_world import mark_of

SECURITY = "sn_si_incident"
UNKNOWN = "u_privacy_case"


@pytest.fixture
def world() -> Iterator[ServiceNowWorld]:
    with servicenow_world() as world:
        yield world


@pytest.fixture
async def incident(world: ServiceNowWorld) -> Ticket:
    """A ticket of the time when the table was `incident`."""
    async with world.connected() as yesterday:
        return await yesterday.create(world.draft(mark_of("fnd_1")))


@pytest.fixture
async def today(world: ServiceNowWorld, incident: Ticket) -> AsyncIterator[ServiceNow]:
    """The same tracker, now that its table is another one."""
    assert incident.state is TicketState.OPEN
    async with world.connected(table=SECURITY) as tracker:
        yield tracker


@pytest.mark.parametrize(
    ("state", "means"),
    [
        ("2", TicketState.IN_PROGRESS),
        ("3", TicketState.IN_PROGRESS),
        ("6", TicketState.DONE),
        ("7", TicketState.DONE),
        ("8", TicketState.DONE),
    ],
)
async def test_a_ticket_is_read_by_the_states_of_its_own_table(
    today: ServiceNow, world: ServiceNowWorld, incident: Ticket, state: str, means: TicketState
) -> None:
    """3 is On Hold in `incident`, and Closed in `sn_si_incident`."""
    closed = {"close_code": "Duplicate", "close_notes": "By hand"} if means is TicketState.DONE else {}
    world.patch(incident, state=state, **closed)
    assert (await today.read(incident.id)).state is means


@pytest.mark.parametrize(
    ("payload", "reason", "final"),
    [
        ({"state": "6", "close_code": "User error", "close_notes": "No"}, Reason.FALSE_POSITIVE, False),
        ({"state": "7", "close_code": "Solution provided", "close_notes": "Yes"}, Reason.FIXED, True),
        ({"state": "8"}, Reason.CANCELLED, True),
    ],
)
async def test_why_it_is_done_and_whether_for_good_its_own_table_says(
    today: ServiceNow,
    world: ServiceNowWorld,
    incident: Ticket,
    payload: dict[str, str],
    reason: Reason,
    final: bool,  # noqa: FBT001 - a column of the table above
) -> None:
    world.patch(incident, **payload)
    read = await today.read(incident.id)
    assert (read.reason, read.final) == (reason, final)


async def test_a_ticket_is_resolved_and_reopened_by_the_words_of_its_own_table(
    today: ServiceNow, world: ServiceNowWorld, incident: Ticket
) -> None:
    resolved = await today.resolve(incident.id, Reason.DUPLICATE, "Two of them")
    values = world.record(incident)["values"]
    assert (values["state"], values["close_code"], resolved.state) == ("6", "Duplicate", TicketState.DONE)
    reopened = await today.reopen(incident.id, "Found again")
    assert (world.record(incident)["values"]["state"], reopened.state) == ("2", TicketState.IN_PROGRESS)


async def test_who_closed_it_with_which_words_is_read_by_its_own_table(
    today: ServiceNow, world: ServiceNowWorld, incident: Ticket
) -> None:
    world.patch(incident, state="3")
    assert (await today.closing_words(incident.id), await today.closer_name(incident.id)) == (None, None)
    world.close_as_person(incident, Reason.FIXED, "The folder is gone")
    assert await today.closing_words(incident.id) == "The folder is gone"
    assert await today.closer_name(incident.id) == world.closer_name


@pytest.mark.parametrize("table", ["incident", SECURITY])
async def test_a_table_that_nobody_explains_is_asked_nothing_and_written_nothing(
    world: ServiceNowWorld, table: str
) -> None:
    async with world.connected(table=table) as tracker:
        ticket_id = f"{UNKNOWN}/{'a' * 32}"
        world.http.delete("/_sandbox/requests")
        for question in (
            tracker.read(ticket_id),
            tracker.resolve(ticket_id, Reason.FIXED, "Gone"),
            tracker.reopen(ticket_id, "Again"),
            tracker.comment(ticket_id, "News"),
            tracker.raise_urgency(ticket_id, {"impact": "1"}),
            tracker.closing_words(ticket_id),
            tracker.closer_name(ticket_id),
        ):
            with pytest.raises(Refused, match=f"states of {UNKNOWN} .* trackers.helpdesk.former_tables"):
                await question
        assert world.requests() == []


async def test_what_the_file_says_of_a_former_table_counts(world: ServiceNowWorld, incident: Ticket) -> None:
    own = {"states": {"1": "open", "3": "done", "6": "done"}, "resolve_state": "3", "reopen_state": "1"}
    async with world.connected(table=SECURITY, former_tables={"incident": own}) as tracker:
        assert (await tracker.resolve(incident.id, Reason.FIXED, "Gone")).state is TicketState.DONE
        assert world.record(incident)["values"]["state"] == "3"
        assert (await tracker.reopen(incident.id, "Again")).state is TicketState.OPEN


async def test_a_mark_is_searched_for_in_the_former_tables_that_the_file_names(
    today: ServiceNow, world: ServiceNowWorld, incident: Ticket
) -> None:
    assert await today.find(mark_of("fnd_1"), SECURITY) == ()
    async with world.connected(table=SECURITY, former_tables={"incident": {}}) as tracker:
        assert [ticket.id for ticket in await tracker.find(mark_of("fnd_1"), SECURITY)] == [incident.id]
        younger = await tracker.create(_draft(world))
        found = await tracker.find(mark_of("fnd_1"), SECURITY)
    assert {ticket.id for ticket in found} == {incident.id, younger.id}


async def test_each_table_has_a_list_of_changes_of_its_own(
    today: ServiceNow, world: ServiceNowWorld, incident: Ticket
) -> None:
    other = await today.create(_draft(world))
    now = datetime.now(UTC)
    assert [each.ticket_id for each in (await today.changes(None, now)).changes] == [other.id]
    assert [each.ticket_id for each in (await today.changes(None, now, "incident")).changes] == [incident.id]


async def test_former_places_are_those_that_are_named_or_linked(world: ServiceNowWorld) -> None:
    async with world.connected(table=SECURITY, former_tables={"incident": {}}) as tracker:
        assert tracker.former_places(()) == ("incident",)
        assert tracker.former_places({SECURITY, UNKNOWN}) == ("incident", UNKNOWN)


def _draft(world: ServiceNowWorld) -> Draft:
    return replace(world.draft(mark_of("fnd_1")), place=SECURITY)
