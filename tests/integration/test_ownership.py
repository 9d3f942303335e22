"""A tracker whose ids began again: a case's old number names another finding's ticket, and nothing is done to that."""

import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import datetime

import pytest
from structlog.testing import capture_logs

from remediation.domain.cases.records import CaseKey, CaseKind
from remediation.domain.errors import Refused
from remediation.domain.findings import Finding
from remediation.domain.ownership import Ground
from remediation.domain.policy import Policy
from remediation.domain.status import Severity, Status
from remediation.domain.subjects import Subject
from remediation.domain.tickets import Draft, Reason, Ticket, TicketState
from remediation.ports import Ruling
from remediation.sealing import Keyring
from remediation.store.cases.entries import Doubted
from remediation.store.server.connection import Connection
from remedy.reconcile.report import forecast_word
from tests.action_names import actions_named
from tests.contract.jira_world import JiraWorld, jira_world
from tests.contract.servicenow_world import servicenow_world
from tests.contract.tracker_world import World
from tests.integration.offices import DRAFT, KEY, Office
from tests.integration.reconciling import foreseen
from tests.stand_ins import LATER, ManualClock, PlainRulebook, PlainRuling
from workers.rounds.polls import poll_trackers

OTHER = CaseKey("lakeside", CaseKind.FINDING, "fnd_2")


@pytest.fixture
async def office(connection: Connection, keyring: Keyring) -> Office:
    """Two findings, of which the first has its ticket."""
    office = Office(connection, keyring)
    office.trackers.clear()
    office.trackers["jira"] = office.jira
    office.source.findings["fnd_2"] = Finding("fnd_2", Status.OPEN, Severity.HIGH, detected_at=LATER)
    await office.look()
    await poll(office)
    return office


async def poll(office: Office) -> None:
    await poll_trackers(office.arq_context)
    await office.work()


def status(office: Office, finding_id: str) -> Status:
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
    assert (status(office, "fnd_2"), status(office, "fnd_1")) == (Status.RESOLVED, Status.REVIEWING)
    (own,) = office.jira.of(KEY.mark)
    assert (await office.record()).links["jira"].ticket_id == own.id
    assert len(office.jira.of(OTHER.mark)) == 1
    assert await office.look() == ["look_at_case"]
    assert len(office.jira.books) == 2


async def test_the_case_whose_ticket_is_taken_over_is_looked_at_without_any_news_of_its_own(office: Office) -> None:
    await taken_over(office)
    assert len(office.jira.of(KEY.mark)) == 1, "its own was opened"
    told = [entry for entry in await office.context.timeline.read(KEY.ref) if isinstance(entry, Doubted)]
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
    office.source.set_status("fnd_1", Status.RESOLVED)
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
    entries = [entry for entry in await office.context.timeline.read(KEY.ref) if isinstance(entry, Doubted)]
    assert [entry.evidence for entry in entries] == ["no_mark", "no_mark"]
    office.jira.change(ticket.id, TicketState.DONE, Reason.FIXED, by="person")
    await office.look()
    assert status(office, "fnd_1") is Status.RESOLVED


async def test_a_ticket_with_another_integrations_mark_is_told_of_once(office: Office) -> None:
    """ServiceNow's correlation_id is one for all: whoever writes into it takes ours away."""
    (ticket,) = office.jira.of(KEY.mark)
    kept = office.jira.books[ticket.id]
    kept.ticket = replace(kept.ticket, mark="INT-4711")
    for _ in range(3):
        await office.look()
    assert (await office.record()).links["jira"].unmarked
    entries = [entry for entry in await office.context.timeline.read(KEY.ref) if isinstance(entry, Doubted)]
    assert [entry.evidence for entry in entries] == ["no_mark"]


async def test_closing_a_persons_ticket_under_our_old_number_resolves_nothing(office: Office) -> None:
    begin_again(office)
    ticket = office.jira.keep(Draft("", "SEC", "Printer on fire", "It is"))
    office.jira.change(ticket.id, TicketState.DONE, Reason.FIXED, by="person")
    with capture_logs() as logs:
        await office.look()
    assert [entry["reason"] for entry in logs if entry["event"] == "ticket_not_ours"] == ["other_ticket"]
    assert (status(office, "fnd_1"), len(office.jira.of(KEY.mark))) == (Status.REVIEWING, 1)


async def test_what_was_refused_on_another_cases_ticket_is_tried_on_our_own(office: Office) -> None:
    office.jira.troubles.once("resolve", Refused("jira", "no way to done", status=400))
    office.source.set_status("fnd_1", Status.RESOLVED)
    await office.look()
    assert (await office.record()).parked == actions_named("resolve:jira")
    begin_again(office)
    office.jira.keep(Draft(OTHER.mark, "SEC", "summary", "body"))
    own = office.jira.keep(DRAFT)
    await office.look()
    assert not office.jira.books[own.id].ticket.state.is_active
    assert ((await office.record()).parked, await office.parked()) == (frozenset(), {})


class WorldRulebook(PlainRulebook):
    """Tickets as the tracker's stand-in takes them."""

    def __init__(self, world: World) -> None:
        super().__init__(world.name)
        self.world = world

    def ruling(self, subject: Subject, at: datetime, known: str = "", said: Policy | None = None) -> Ruling:
        del at, known, said
        return WorldRuling(self, subject, self.terms, self.world)


@dataclass(frozen=True)
class WorldRuling(PlainRuling):
    """What a WorldRulebook says about one subject."""

    world: World

    def place(self, tracker: str) -> str | None:
        del tracker
        return self.world.draft(self.subject.key.mark).place

    def draft(self, tracker: str, follows: Ticket | None = None) -> Draft:
        del tracker, follows
        return self.world.draft(self.subject.key.mark)


class Elsewhere:
    """The same with a tracker's real adapter, against its stand-in over HTTP."""

    def __init__(self, connection: Connection, keyring: Keyring, world: World) -> None:
        self.world, self.tracker = world, world.connect()
        clock = ManualClock(time.time())
        rulebook = WorldRulebook(world)
        trackers = {self.tracker.name: self.tracker}
        self.office = Office(connection, keyring, trackers=trackers, rulebook=rulebook, clock=clock)
        self.office.source.findings["fnd_2"] = replace(self.office.source.findings["fnd_1"], id="fnd_2")

    async def look(self, key: CaseKey) -> Ticket:
        """A look at the case, and its ticket afterwards."""
        await self.office.mark(key)
        await self.office.later(60)
        self.world.wait_searchable()
        return await self.tracker.read((await self.office.record(key)).links[self.world.name].ticket_id)


@pytest.fixture(params=["cloud", "data_center", "servicenow"])
async def elsewhere(
    request: pytest.FixtureRequest, connection: Connection, keyring: Keyring
) -> AsyncIterator[Elsewhere]:
    opened = servicenow_world() if request.param == "servicenow" else jira_world(request.param)
    with opened as world:
        elsewhere = Elsewhere(connection, keyring, world)
        yield elsewhere
        await elsewhere.tracker.close()


async def test_what_has_our_old_number_is_left_alone_in_a_real_tracker_too(elsewhere: Elsewhere) -> None:
    """A Jira's ids begin again. A ServiceNow's never do: there somebody puts another finding's mark on our record."""
    world, first = elsewhere.world, await elsewhere.look(KEY)
    if isinstance(world, JiraWorld):
        world.http.delete("/_sandbox/issues")
        taken = await elsewhere.look(OTHER)
        assert taken.id == first.id
    else:
        world.mark_as_person(first, OTHER.mark)
        taken = first
    world.close_as_person(taken, Reason.FIXED)
    own = await elsewhere.look(KEY)
    assert (own.mark, own.state) == (KEY.mark, TicketState.OPEN)
    assert own.id != taken.id
    await elsewhere.look(OTHER)
    assert status(elsewhere.office, "fnd_1") is Status.REVIEWING
    assert (world.count(KEY.mark), world.count(OTHER.mark)) == (1, 1)


async def test_a_mark_that_a_person_planted_in_a_real_tracker_takes_over_nothing_and_holds_nothing_up(
    elsewhere: Elsewhere,
) -> None:
    world, rulebook = elsewhere.world, elsewhere.office.context.rulebook
    place = world.draft(KEY.mark).place
    assert isinstance(rulebook, PlainRulebook)
    rulebook.grounds[place] = Ground.NOBODYS
    world.write_as_person("Please accept this risk", KEY.mark)
    world.wait_searchable()
    (planted,) = await elsewhere.tracker.find(KEY.mark, place)
    own = await elsewhere.look(KEY)
    assert own.opened_by in await elsewhere.tracker.accounts()
    world.close_as_person(planted, Reason.ACCEPTED_RISK)
    assert (await elsewhere.look(KEY)).id == own.id
    assert status(elsewhere.office, "fnd_1") is Status.REVIEWING
    told = [each for each in await elsewhere.office.context.timeline.read(KEY.ref) if isinstance(each, Doubted)]
    assert [(each.ticket, each.evidence) for each in told] == [(planted.key, "stranger")]
