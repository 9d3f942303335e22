"""A person is faster than our own write, or slower by a moment; and looks that fail on the way: nothing is lost."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import pytest
from structlog.testing import capture_logs

from remediation.domain.errors import ConfigurationError, Problem, Refused, TryLater
from remediation.domain.policy import Acceptance, Policy
from remediation.domain.status import Severity, Status
from remediation.domain.subjects import Subject
from remediation.domain.tickets import Reason, Risk, Ticket, TicketState
from remediation.ports import Ruling
from remediation.sealing import Keyring
from remediation.store.cases.entries import PutOff
from remediation.store.cases.todo import Todo
from remediation.store.server.connection import Connection
from tests.integration.offices import KEY, Office
from tests.stand_ins import MemoryTracker, PlainRulebook, PlainRuling
from workers.rounds.polls import poll_trackers

BUSY = TryLater("lakeside", "busy", status=503)
FORBIDDEN = Refused("lakeside", "you may not see this", status=403)


class CrossedTracker(MemoryTracker):
    """A person closes the ticket just before we raise it, and just after we open it again: what we read back tells."""

    async def raise_urgency(self, ticket_id: str, fields: Mapping[str, str]) -> Ticket:
        self.change(ticket_id, TicketState.DONE, Reason.FIXED, by="person")
        return await super().raise_urgency(ticket_id, fields)

    async def reopen(self, ticket_id: str, comment: str) -> Ticket:
        await super().reopen(ticket_id, comment)
        return self.change(ticket_id, TicketState.DONE, Reason.FIXED, by="person")


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    with capture_logs():
        yield


def office_of(connection: Connection, keyring: Keyring, terms: Policy | None = None) -> Office:
    """One tracker, `jira`."""
    rulebook = PlainRulebook("jira", terms=terms)
    rulebook.by_severity = {Severity.HIGH: {"priority": "High"}, Severity.CRITICAL: {"priority": "Highest"}}
    office = Office(connection, keyring, rulebook=rulebook)
    office.jira = CrossedTracker("jira", office.clock)
    office.trackers = {"jira": office.jira}
    office.context = replace(office.context, trackers=office.trackers)
    return office


async def test_a_ticket_that_a_person_closes_while_we_raise_it_resolves_its_finding(
    connection: Connection, keyring: Keyring
) -> None:
    office = office_of(connection, keyring)
    await office.look()
    office.source.set_severity("fnd_1", Severity.CRITICAL)
    await office.look()
    await poll_trackers(office.arq_context)
    await office.later()
    assert office.status() is Status.RESOLVED
    assert await office.context.todo.dirty() == 0


async def test_a_ticket_that_a_person_closes_while_we_open_it_again_resolves_its_finding(
    connection: Connection, keyring: Keyring
) -> None:
    office = office_of(connection, keyring)
    await office.look()
    (ticket,) = office.jira.of(KEY.mark)
    office.jira.change(ticket.id, TicketState.DONE, Reason.FIXED, by="person")
    await office.look()
    office.source.set_status("fnd_1", Status.OPEN)
    await office.look()
    await poll_trackers(office.arq_context)
    await office.later()

    assert office.status() is Status.RESOLVED
    assert await office.context.todo.dirty() == 0


async def test_a_case_that_is_parked_as_a_whole_keeps_its_appointment(connection: Connection, keyring: Keyring) -> None:
    terms = Policy("every-finding", acceptance=Acceptance(at_most=timedelta(days=30)))
    office = office_of(connection, keyring, terms)
    await office.look()
    (ticket,) = office.jira.of(KEY.mark)
    office.jira.accept_risk(ticket.id, None)
    await office.look()
    ends = await Todo(connection).appointment(KEY.ref)
    assert ends == office.clock() + 30 * 86_400
    office.source.troubles.once("finding", FORBIDDEN)
    await office.look()
    assert await office.parked() != {}
    assert await Todo(connection).appointment(KEY.ref) == ends


@pytest.mark.parametrize("why", ["refused", "not configured"])
async def test_a_ticket_that_cannot_be_seen_does_not_cancel_the_appointment(
    connection: Connection, keyring: Keyring, why: str
) -> None:
    office = office_of(connection, keyring, Policy("every-finding", acceptance=Acceptance(at_most=timedelta(days=30))))
    await office.look()
    (ticket,) = office.jira.of(KEY.mark)
    office.jira.accept_risk(ticket.id, None)
    await office.look()
    ends = await Todo(connection).appointment(KEY.ref)
    assert ends is not None
    if why == "refused":
        office.jira.troubles.once("read", FORBIDDEN)
    else:
        office.context = replace(office.context, trackers={})
    await office.look()
    assert await Todo(connection).appointment(KEY.ref) == ends


@pytest.mark.parametrize("wanted", [("jira",), ()])
async def test_an_acceptance_ends_although_its_tracker_has_left_the_rule(
    connection: Connection, keyring: Keyring, wanted: tuple[str, ...]
) -> None:
    office = Office(connection, keyring, rulebook=PlainRulebook("snow"))
    await office.look()
    (ticket,) = office.snow.of(KEY.mark)
    office.snow.accept_risk(ticket.id, Risk("nobody sees it", datetime.fromtimestamp(office.clock() + 86_400, UTC)))
    await office.look()
    assert office.status() is Status.ACCEPTED_RISK
    office.snow.close_for_good(ticket.id)
    office.context = office.context_with(keyring, PlainRulebook(*wanted))
    await office.later(2 * 86_400)
    assert office.status() is Status.REVIEWING
    assert len(office.jira.of(KEY.mark)) == len(wanted)
    assert await office.context.todo.dirty() == 0


async def test_an_end_that_cannot_be_read_for_a_while_is_kept_as_an_appointment(
    connection: Connection, keyring: Keyring
) -> None:
    office = Office(connection, keyring, rulebook=PlainRulebook("snow"))
    await office.look()
    (ticket,) = office.snow.of(KEY.mark)
    accepted = Risk("nobody sees it", datetime.fromtimestamp(office.clock() + 86_400, UTC))
    office.snow.accept_risk(ticket.id, accepted)
    await office.look()
    office.snow.accept_risk(ticket.id, replace(accepted, until=None))
    await office.look()
    assert office.status() is Status.ACCEPTED_RISK
    office.snow.accept_risk(ticket.id, accepted)
    await office.later(2 * 86_400)
    assert office.status() is Status.REVIEWING


class FailingRulebook(PlainRulebook):
    """What closing demands cannot be filled in for this finding."""

    def ruling(self, subject: Subject, at: datetime, known: str = "", said: Policy | None = None) -> Ruling:
        del at, known, said
        return FailingRuling(self, subject, self.terms)


@dataclass(frozen=True)
class FailingRuling(PlainRuling):
    """What a FailingRulebook says about one subject."""

    def closing_fields(self, tracker: str) -> Mapping[str, object]:
        if tracker == "snow":
            return PlainRuling.closing_fields(self, tracker)
        raise ConfigurationError([Problem("rule x, closing in jira", "its template cannot be filled in")])


async def test_a_field_that_cannot_be_filled_in_parks_its_action_and_the_others_are_done(
    connection: Connection, keyring: Keyring
) -> None:
    office = Office(connection, keyring, rulebook=FailingRulebook("snow", "jira"))
    await office.look()
    office.source.set_status("fnd_1", Status.RESOLVED)
    await office.look()
    assert list(await office.parked()) == [f"{KEY.ref}/resolve:jira"]
    assert [ticket.state for ticket in office.tickets()] == [TicketState.DONE, TicketState.OPEN]
    assert await office.context.todo.dirty() == 0


async def test_an_outage_of_days_does_not_push_the_story_out_of_the_timeline(
    connection: Connection, keyring: Keyring
) -> None:
    office = office_of(connection, keyring)
    office.source.troubles.for_good("update_finding", BUSY)
    await office.look()
    told = len(await office.context.timeline.read(KEY.ref))
    for _ in range(20):
        await office.later()
    assert len(await office.context.timeline.read(KEY.ref)) == told
    office.source.troubles.heal()
    await office.later()
    kinds = [type(entry).__name__ for entry in (await office.context.timeline.read(KEY.ref))[told:]]
    assert kinds[-2:] == ["Acted", "Settled"]


async def test_a_system_that_goes_down_after_another_is_named_too_and_each_once(
    connection: Connection, keyring: Keyring
) -> None:
    office = office_of(connection, keyring)
    office.source.troubles.for_good("finding", BUSY)
    await office.look()
    office.source.troubles.heal()
    office.jira.troubles.for_good("find", TryLater("jira", "down", status=503))
    for _ in range(3):
        await office.later()
    office.source.troubles.for_good("finding", BUSY)
    for _ in range(3):
        await office.later()
    entries = await office.context.timeline.read(KEY.ref)
    assert [entry.system for entry in entries if isinstance(entry, PutOff)] == ["lakeside", "jira"]
