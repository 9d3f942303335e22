"""A tracker whose ids began again: a case's old number names another finding's ticket, and nothing is done to that."""

from dataclasses import replace

import pytest
from structlog.testing import capture_logs

from cli.reconcile_report import forecast_word
from remediation.cases import CaseKey, CaseKind
from remediation.errors import Refused
from remediation.findings import Finding, FindingStatus, Severity
from remediation.sealing import Keyring
from remediation.store.connection import Connection
from remediation.store.entries import Doubted
from remediation.tickets import Draft, Reason, Ticket, TicketState
from tests.integration.offices import DRAFT, KEY, Office
from tests.integration.reconciling import foreseen
from tests.stand_ins import LATER
from workers.polls import poll_trackers

OTHER = CaseKey("lakeside", CaseKind.FINDING, "fnd_2")


@pytest.fixture
async def office(connection: Connection, keyring: Keyring) -> Office:
    """Two findings, of which the first has its ticket."""
    office = Office(connection, keyring)
    office.trackers.clear()
    office.trackers["jira"] = office.jira
    office.source.findings["fnd_2"] = Finding("fnd_2", FindingStatus.OPEN, Severity.HIGH, detected_at=LATER)
    await office.look()
    await poll(office)
    return office


async def poll(office: Office) -> None:
    await poll_trackers(office.context)
    await office.work()


def status(office: Office, finding_id: str) -> FindingStatus:
    return office.source.findings[finding_id].status


def begin_again(office: Office) -> None:
    """The tracker was set up anew, and a day has gone by."""
    office.jira.books.clear()
    office.clock.pass_by(86_400)


async def taken_over(office: Office) -> Ticket:
    """The ids begin again, and the first number is the second finding's now."""
    before = (await office.record()).links["jira"].ticket_id
    begin_again(office)
    await office.mark(OTHER)
    await office.work()
    (ticket,) = office.jira.of(OTHER.mark)
    assert ticket.id == before
    return ticket


async def test_closing_another_findings_ticket_resolves_that_finding_and_not_ours(office: Office) -> None:
    ticket = await taken_over(office)
    office.jira.change(ticket.id, TicketState.DONE, Reason.FIXED, by="person")
    await poll(office)
    assert (status(office, "fnd_2"), status(office, "fnd_1")) == (FindingStatus.RESOLVED, FindingStatus.REVIEWING)
    (own,) = office.jira.of(KEY.mark)
    assert (await office.record()).links["jira"].ticket_id == own.id
    assert len(office.jira.of(OTHER.mark)) == 1
    assert await office.look() == ["look_at_case"]
    assert len(office.jira.books) == 2


async def test_the_case_whose_ticket_is_taken_over_is_looked_at_without_any_news_of_its_own(office: Office) -> None:
    await taken_over(office)
    assert len(office.jira.of(KEY.mark)) == 1, "its own was opened"
    told = [entry for entry in await office.desk.timeline.read(KEY.ref) if isinstance(entry, Doubted)]
    assert [(entry.ticket, entry.evidence) for entry in told] == [("KEY-1", "other_mark")]


async def test_reconciling_does_not_call_a_case_in_step_whose_ticket_is_anothers(office: Office) -> None:
    begin_again(office)
    stranger = office.jira.keep(Draft(OTHER.mark, "SEC", "summary", "body"))
    forecast = (await foreseen(office))[KEY.ref]
    assert (forecast_word(forecast), [doubt.link.ticket_id for doubt in forecast.doubts]) == ("change", [stranger.id])
    own = office.jira.keep(DRAFT)
    forecast = (await foreseen(office))[KEY.ref]
    assert (forecast_word(forecast), forecast.steps) == ("change", ()), f"its link would go over to {own.id}"


async def test_a_solved_findings_own_ticket_is_found_and_closed(office: Office) -> None:
    begin_again(office)
    office.jira.keep(Draft(OTHER.mark, "SEC", "summary", "body"))
    own = office.jira.keep(DRAFT)
    office.source.set_status("fnd_1", FindingStatus.RESOLVED)
    await office.look()
    assert [office.jira.books[each].ticket.state.is_active for each in ("id-1", own.id)] == [True, False]


async def test_a_ticket_without_a_mark_is_told_of_once_and_again_after_it_had_one(office: Office) -> None:
    (ticket,) = office.jira.of(KEY.mark)
    for mark in (None, None, KEY.mark, None):
        kept = office.jira.books[ticket.id]
        kept.ticket = replace(kept.ticket, mark=mark)
        with capture_logs() as logs:
            await office.look()
        told = [entry["event"] for entry in logs if entry["event"].startswith("ticket_")]
        seen = (await office.record()).links["jira"]
        assert (seen.ticket_id, seen.unmarked) == (ticket.id, mark is None)
        assert told in ([], ["ticket_unmarked"])
    entries = [entry for entry in await office.desk.timeline.read(KEY.ref) if isinstance(entry, Doubted)]
    assert [entry.evidence for entry in entries] == ["no_mark", "no_mark"]
    office.jira.change(ticket.id, TicketState.DONE, Reason.FIXED, by="person")
    await office.look()
    assert status(office, "fnd_1") is FindingStatus.RESOLVED


async def test_closing_a_persons_ticket_under_our_old_number_resolves_nothing(office: Office) -> None:
    begin_again(office)
    ticket = office.jira.keep(Draft("", "SEC", "Printer on fire", "It is"))
    office.jira.change(ticket.id, TicketState.DONE, Reason.FIXED, by="person")
    with capture_logs() as logs:
        await office.look()
    assert [entry["reason"] for entry in logs if entry["event"] == "ticket_not_ours"] == ["other_ticket"]
    assert (status(office, "fnd_1"), len(office.jira.of(KEY.mark))) == (FindingStatus.REVIEWING, 1)


async def test_what_was_refused_on_another_cases_ticket_is_tried_on_our_own(office: Office) -> None:
    office.jira.troubles.once("resolve", Refused("jira", "no way to done", status=400))
    office.source.set_status("fnd_1", FindingStatus.RESOLVED)
    await office.look()
    assert (await office.record()).parked == {"resolve:jira"}
    begin_again(office)
    office.jira.keep(Draft(OTHER.mark, "SEC", "summary", "body"))
    own = office.jira.keep(DRAFT)
    await office.look()
    assert not office.jira.books[own.id].ticket.state.is_active
    assert ((await office.record()).parked, await office.parked()) == (frozenset(), {})
