"""What is peculiar to ServiceNow in keeping tickets in step: closed records, close notes, data policies."""

import logging
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from urllib.parse import parse_qs

import pytest

from remediation.domain.cases.records import Link
from remediation.domain.errors import OutsideError, Refused
from remediation.domain.tickets import Reason, Risk, TicketState
from remediation.ports import Tracker
from sandbox.servicenow.stand_in import ROBOT
from tests.contract.servicenow_world import ServiceNowWorld, servicenow_world
from tests.contract.tracker_world import mark_of


@pytest.fixture
def world() -> Iterator[ServiceNowWorld]:
    with servicenow_world() as world:
        yield world


@pytest.fixture
async def tracker(world: ServiceNowWorld) -> AsyncIterator[Tracker]:
    async with world.connected() as tracker:
        yield tracker


CLOSED = {"state": "7", "close_code": "Duplicate", "close_notes": "By hand"}


@pytest.mark.parametrize("payload", [CLOSED, {"state": "8"}])
async def test_a_closed_or_cancelled_record_is_final_and_refuses_to_be_reopened(
    tracker: Tracker, world: ServiceNowWorld, payload: dict[str, str]
) -> None:
    ticket = await tracker.create(world.draft(mark_of("fnd_1")))
    world.patch(ticket, **payload)
    closed = await tracker.read(ticket.id)
    assert (closed.state, closed.final) == (TicketState.DONE, True)
    with pytest.raises(Refused, match="the record is closed"):
        await tracker.reopen(ticket.id, "Found again")
    await tracker.comment(ticket.id, "Another one follows")
    assert world.comments(ticket) == ["Another one follows"]


async def test_which_states_are_final_is_configured(world: ServiceNowWorld) -> None:
    world.set(reopen_closed=True)
    async with world.connected(final_states=["6"]) as tracker:
        ticket = await tracker.create(world.draft(mark_of("fnd_1")))
        assert (await tracker.resolve(ticket.id, Reason.FIXED, "gone")).final
        world.patch(ticket, **CLOSED)
        assert not (await tracker.read(ticket.id)).final


async def test_impact_urgency_and_due_date_are_how_urgent_a_record_is(tracker: Tracker, world: ServiceNowWorld) -> None:
    ticket = await tracker.create(world.draft(mark_of("fnd_1")))
    assert ticket.urgency == {"impact": "1", "urgency": "2"}
    due = await tracker.raise_urgency(ticket.id, {"due_date": "2030-01-31"})
    assert due.urgency == {"impact": "1", "urgency": "2", "due_date": "2030-01-31 00:00:00"}


async def test_each_call_sends_what_it_must_and_no_more(tracker: Tracker, world: ServiceNowWorld) -> None:
    ticket = await tracker.create(world.draft(mark_of("fnd_1")))
    world.close_as_person(ticket, Reason.FIXED, "Done")
    world.http.delete("/_sandbox/requests")
    await tracker.read(ticket.id, closed=True)
    await tracker.raise_urgency(ticket.id, {"urgency": "1"})
    await tracker.closing_words(ticket.id)
    await tracker.closing_words(ticket.id)
    asked = [(entry["method"], entry["path"].rpartition("table/")[2]) for entry in world.requests()]
    assert asked == [
        *[("GET", ticket.id), ("GET", ticket.id), ("PATCH", ticket.id)],
        *[("GET", "sys_user"), ("GET", ticket.id), ("GET", ticket.id)],
    ]


async def test_closing_words_are_read_only_by_those_who_ask_for_them(world: ServiceNowWorld) -> None:
    async with world.connected(risk_reason=None, risk_expiry=None) as tracker:
        ticket = await tracker.create(world.draft(mark_of("fnd_1")))
        world.close_as_person(ticket, Reason.FIXED, "Done")
        await tracker.read(ticket.id, closed=True)
        asked = [set(parse_qs(entry["query"])["sysparm_fields"][0].split(",")) for entry in world.requests()[-1:]]
        await tracker.closing_words(ticket.id)
        asked.append(set(parse_qs(world.requests()[-1]["query"])["sysparm_fields"][0].split(",")))
    assert {"close_notes", "u_risk_reason", "u_risk_until"} & asked[0] == set()
    programs = {f"{name}.web_service_access_only" for name in ("resolved_by", "closed_by")}
    assert asked[1] == {"sys_id", "state", "resolved_by", "closed_by", "close_notes", *programs}


async def test_our_account_is_named_by_its_user_name_whatever_was_asked_before(
    tracker: Tracker, world: ServiceNowWorld
) -> None:
    ticket = await tracker.create(world.draft(mark_of("fnd_1")))
    await tracker.resolve(ticket.id, Reason.FIXED, "No longer there")
    assert await tracker.closing_words(ticket.id) is None, "closed by us, known by our sys_id"
    assert await tracker.accounts() == {world.account}
    assert await tracker.closing_words(ticket.id) is None


async def test_notes_of_ours_that_a_person_left_when_closing_again_are_not_theirs(
    tracker: Tracker, world: ServiceNowWorld
) -> None:
    ticket = await tracker.create(world.draft(mark_of("fnd_1")))
    await tracker.resolve(ticket.id, Reason.FIXED, "No longer there")
    world.patch(ticket, state="2")
    world.patch(ticket, state="6", close_code="Duplicate")
    assert "No longer there" in world.record(ticket)["values"]["close_notes"]
    assert await tracker.closing_words(ticket.id) is None
    world.patch(ticket, close_notes="Took the page offline")
    assert await tracker.closing_words(ticket.id) == "Took the page offline"


async def test_what_a_program_wrote_when_it_closed_the_record_is_no_persons_word(
    tracker: Tracker, world: ServiceNowWorld
) -> None:
    ticket = await tracker.create(world.draft(mark_of("fnd_1")))
    table, _, sys_id = ticket.id.partition("/")
    closed = {"state": "6", "close_code": "Duplicate", "close_notes": "Closed in the night"}
    world.tables.update(table, sys_id, closed, ROBOT)
    assert await tracker.closing_words(ticket.id) is None
    assert (await tracker.read(ticket.id)).closer == ROBOT.user_name


async def test_where_our_account_may_not_read_users_notes_name_a_role(tracker: Tracker, world: ServiceNowWorld) -> None:
    world.set(hidden_tables=["sys_user"])
    ticket = await tracker.create(world.draft(mark_of("fnd_1")))
    world.close_as_person(ticket, Reason.FIXED)
    unassigned = f"somebody else than the assignee (account {world.person})"
    assert (await tracker.read(ticket.id)).closer == unassigned
    assert await tracker.closer_name(ticket.id) is None
    world.patch(ticket, assigned_to=world.person)
    assert (await tracker.read(ticket.id)).closer == f"the assignee (account {world.person})"


async def test_where_servicenow_does_not_tell_who_we_are_nobodys_words_are_told(
    tracker: Tracker, world: ServiceNowWorld
) -> None:
    ticket = await tracker.create(world.draft(mark_of("fnd_1")))
    world.close_as_person(ticket, Reason.FIXED, "Done")
    world.set(hidden_tables=["sys_user"])
    assert await tracker.closing_words(ticket.id) is None
    world.set(hidden_tables=[])
    world.fault("status", status=405, path="sys_user")
    assert await tracker.closing_words(ticket.id) is None
    assert await tracker.closing_words(ticket.id) == "Done"
    world.patch(ticket, state="2")
    assert await tracker.closing_words(ticket.id) is None, "an open record was closed by nobody"
    world.delete(ticket)
    assert await tracker.closing_words(ticket.id) is None


async def test_a_rule_may_write_the_notes_but_neither_the_state_nor_the_code(
    tracker: Tracker, world: ServiceNowWorld
) -> None:
    ticket = await tracker.create(world.draft(mark_of("fnd_1")))
    fields = {"close_notes": "Ours", "state": "7", "close_code": "Duplicate", "work_notes": "no", "u_cause": ["a", "b"]}
    resolved = await tracker.resolve(ticket.id, Reason.FIXED, "gone", fields)
    values = world.record(ticket)["values"]
    assert (resolved.reason, values["state"], values["close_notes"], values["u_cause"]) == (
        *(Reason.FIXED, "6"),
        *("Ours\n\n(written by remedy)", "a,b"),
    )
    assert world.comments(ticket) == ["gone"]


async def test_notes_that_a_rule_words_are_no_persons_and_take_no_persons_place(
    tracker: Tracker, world: ServiceNowWorld
) -> None:
    ticket = await tracker.create(world.draft(mark_of("fnd_1")))
    await tracker.resolve(ticket.id, Reason.FIXED, "gone", {"close_notes": "By our rule"})
    world.patch(ticket, state="2")
    world.patch(ticket, state="6", close_code="Duplicate")
    assert await tracker.closing_words(ticket.id) is None
    world.patch(ticket, close_notes="By hand", state="2")
    await tracker.resolve(ticket.id, Reason.FIXED, "gone", {"close_notes": "By our rule"})
    assert world.record(ticket)["values"]["close_notes"] == "By hand"


async def test_what_a_data_policy_demands_can_be_given_by_the_rule(tracker: Tracker, world: ServiceNowWorld) -> None:
    ticket = await tracker.create(world.demanding(mark_of("fnd_1")))
    with pytest.raises(Refused, match="mandatory: u_cause; the rule's close_fields can give them"):
        await tracker.resolve(ticket.id, Reason.FIXED, "gone")
    assert (await tracker.resolve(ticket.id, Reason.FIXED, "gone", {"u_cause": "x"})).state is TicketState.DONE


async def test_a_column_that_has_a_value_is_no_demand_and_is_left_as_it_is(
    tracker: Tracker, world: ServiceNowWorld
) -> None:
    ticket = await tracker.create(world.demanding(mark_of("fnd_1")))
    world.patch(ticket, u_cause="A person's", u_checked="false")
    given = {"u_cause": "Ours", "u_checked": True, "u_new": "Ours", "comments": "To the caller"}
    assert (await tracker.resolve(ticket.id, Reason.FIXED, "gone", given)).state is TicketState.DONE
    values = world.record(ticket)["values"]
    assert (values["u_cause"], values["u_checked"], values["u_new"]) == ("A person's", "true", "Ours")
    assert "To the caller" in world.comments(ticket)


WHO = "assigned_to: set by a person in this record, and by the rule's own assigned_to in new ones"


@pytest.mark.parametrize(
    ("demanded", "words"),
    [
        (["assigned_to"], f"mandatory: Assigned to; {WHO}"),
        (["u_cause", "assigned_to"], f"mandatory: u_cause, Assigned to; the rule's close_fields can give them; {WHO}"),
    ],
)
async def test_a_policy_that_demands_who_works_on_it_says_who_can_give_that(
    tracker: Tracker, world: ServiceNowWorld, demanded: list[str], words: str
) -> None:
    ticket = await tracker.create(world.draft(mark_of("fnd_1")))
    world.set(mandatory_to_close=demanded)
    with pytest.raises(Refused) as caught:
        await tracker.resolve(ticket.id, Reason.FIXED, "gone")
    assert caught.value.words.endswith(words)
    world.patch(ticket, assigned_to=world.person)
    resolved = await tracker.resolve(ticket.id, Reason.FIXED, "gone", {"u_cause": "x"})
    assert resolved.state is TicketState.DONE
    assert world.record(ticket)["values"]["assigned_to"] == world.person


async def test_a_record_is_not_tied_to_one_of_another_table(tracker: Tracker, world: ServiceNowWorld) -> None:
    old = await tracker.create(replace(world.draft(mark_of("fnd_1")), place="sn_si_incident"))
    new = await tracker.create(replace(world.draft(mark_of("fnd_1")), follows=old.id))
    assert world.predecessor(new) is None


async def test_where_the_notes_cannot_be_read_a_note_that_tells_of_another_ticket_is_written_all_the_same(
    tracker: Tracker, world: ServiceNowWorld
) -> None:
    world.set(no_query=["sys_journal_field"])
    ticket = await tracker.create(world.draft(mark_of("fnd_1")))
    await tracker.relate(ticket.id, Link("jira", "1", "SEC-1", "https://jira.example/browse/SEC-1"), "See SEC-1.")
    assert world.related(ticket) == ["See SEC-1."]


async def test_a_rules_own_parent_stays(tracker: Tracker, world: ServiceNowWorld) -> None:
    old = await tracker.create(world.draft(mark_of("fnd_1")))
    draft = replace(world.draft(mark_of("fnd_1")), follows=old.id, fields={"parent": "f" * 32})
    assert world.predecessor(await tracker.create(draft)) == f"incident/{'f' * 32}"


async def test_neither_a_risks_reason_nor_closing_words_reach_a_log_or_an_error(
    tracker: Tracker, world: ServiceNowWorld, caplog: pytest.LogCaptureFixture
) -> None:
    ticket = await tracker.create(world.draft(mark_of("fnd_1")))
    world.accept_as_person(ticket, "ZZPII-reason", "2030-01-31 12:00:00")
    world.patch(ticket, close_notes="ZZPII-words")
    with caplog.at_level(logging.DEBUG):
        assert "ZZPII" not in repr(await tracker.read(ticket.id))
        assert await tracker.closing_words(ticket.id) == "ZZPII-words"
        for kind in ("half", "html", "reset"):
            for attempt in (tracker.read, tracker.closing_words):
                world.fault(kind, method="GET", times=None)
                with pytest.raises(OutsideError) as caught:
                    await attempt(ticket.id)
                world.heal()
                assert "ZZPII" not in repr(caught.value) + str(caught.value)
    assert "ZZPII" not in caplog.text


@pytest.mark.parametrize("written", ["03/14/2027", "14.03.2027", "next spring", "9999-12-31 23:59:59-05:00"])
async def test_an_end_that_nobody_can_read_is_told_from_an_empty_one(
    tracker: Tracker, world: ServiceNowWorld, written: str
) -> None:
    ticket = await tracker.create(world.draft(mark_of("fnd_1")))
    world.accept_as_person(ticket, "Public by law", written)
    assert (await tracker.read(ticket.id)).risk == Risk("Public by law", is_unread=True)
    world.patch(ticket, u_risk_until="2030-01-31 16:00:00")
    assert (await tracker.read(ticket.id)).risk == Risk("Public by law", datetime(2030, 1, 31, 16, tzinfo=UTC))
    world.patch(ticket, u_risk_until="")
    assert (await tracker.read(ticket.id)).risk == Risk("Public by law")
    world.set(unreadable_fields=["u_risk_until"])
    assert (await tracker.read(ticket.id)).risk == Risk("Public by law", is_untold=True)
