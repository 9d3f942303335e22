"""A tracker that mappings.yaml does not name for a while: its tickets are unseen; nothing is concluded without them."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
from structlog.testing import capture_logs

from remediation.errors import Refused, TryLater
from remediation.findings import FindingStatus
from remediation.policy import Acceptance, Policy, ResolveWhen
from remediation.sealing import Keyring
from remediation.store.connection import Connection
from remediation.store.entries import Unnamed
from remediation.tickets import Reason, Ticket, TicketState
from tests.integration.offices import HORIZON, KEY, Office
from tests.stand_ins import ManualClock, MemoryTracker, PlainRulebook

OPEN_JIRA = f"{KEY.ref}/open:jira"
ANY = Policy(rule="every-finding", resolve_when=ResolveWhen.ANY)


class Changing(Office):
    """An office whose file names other trackers from one moment to the next."""

    def __init__(self, connection: Connection, keyring: Keyring) -> None:
        super().__init__(connection, keyring)
        self._keyring = keyring

    def names(self, *trackers: MemoryTracker, terms: Policy | None = None) -> None:
        """From now on the file names these, and a rule wants a ticket in each."""
        self.trackers.clear()
        self.trackers.update({each.name: each for each in trackers})
        self.desk = self.desk_with(self._keyring, PlainRulebook(*self.trackers, terms=terms))

    async def sweep(self) -> list[str]:
        """As a worker does in each round, and then works."""
        await self.desk.todo.name_trackers(self.desk.trackers, self.clock())
        return await self.later(1.0)

    async def held_up(self) -> list[Unnamed]:
        return [entry for entry in await self.desk.timeline.read(KEY.ref) if isinstance(entry, Unnamed)]

    def in_jira(self) -> Ticket:
        (ticket,) = self.jira.of(KEY.mark)
        return ticket

    def in_snow(self) -> Ticket:
        (ticket,) = self.snow.of(KEY.mark)
        return ticket


def called(name: str, before: MemoryTracker, clock: ManualClock) -> MemoryTracker:
    """The same tracker under another name, from now on."""
    tracker = MemoryTracker(name, clock, horizon=HORIZON, lag=before.lag)
    tracker.books = {
        ticket_id: replace(kept, ticket=replace(kept.ticket, tracker=name)) for ticket_id, kept in before.books.items()
    }
    return tracker


@pytest.fixture
def office(connection: Connection, keyring: Keyring) -> Changing:
    return Changing(connection, keyring)


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    with capture_logs():
        yield


async def test_a_finding_is_not_resolved_while_one_of_its_tickets_is_unseen(office: Changing) -> None:
    await office.look()
    office.names(office.snow)
    office.snow.change(office.in_snow().id, TicketState.DONE)
    await office.look()
    assert office.status() is FindingStatus.REVIEWING
    assert await office.desk.todo.dirty() == 0, "nobody asks again and again for what only the file can end"
    office.names(office.snow, office.jira)
    office.jira.change(office.in_jira().id, TicketState.DONE)
    await office.sweep()
    assert office.status() is FindingStatus.RESOLVED


async def test_a_case_says_once_that_it_is_held_up_and_by_which_tracker(office: Changing) -> None:
    await office.look()
    office.names(office.snow)
    await office.look()
    await office.look()
    assert [entry.trackers for entry in await office.held_up()] == [("jira",)]
    assert (await office.record()).unnamed == {"jira"}
    office.names(office.snow, office.jira)
    await office.sweep()
    assert (await office.record()).unnamed == frozenset()
    assert await office.sweep() == [], "it is looked at once"


async def test_a_risk_that_ends_while_its_ticket_is_unseen_ends_once_that_is_seen_again(office: Changing) -> None:
    terms = Policy(rule="every-finding", acceptance=Acceptance(at_most=timedelta(days=1)))
    office.names(office.jira, terms=terms)
    await office.look()
    office.jira.change(office.in_jira().id, TicketState.DONE, Reason.ACCEPTED_RISK)
    await office.look()
    assert office.status() is FindingStatus.ACCEPTED_RISK
    office.names(office.snow, terms=terms)
    await office.later(2 * 86_400.0)
    assert office.status() is FindingStatus.ACCEPTED_RISK
    office.names(office.jira, terms=terms)
    await office.sweep()
    assert (office.status(), office.in_jira().state.is_active) == (FindingStatus.REVIEWING, True)
    assert len(office.tickets()) == 1


async def test_a_reopening_is_not_undone_while_the_reopened_ticket_is_unseen(office: Changing) -> None:
    office.names(office.snow, office.jira, terms=ANY)
    await office.look()
    for tracker, ticket in ((office.snow, office.in_snow()), (office.jira, office.in_jira())):
        tracker.change(ticket.id, TicketState.DONE)
    await office.look()
    assert office.status() is FindingStatus.RESOLVED
    office.jira.change(office.in_jira().id, TicketState.OPEN)
    await office.look()
    assert office.status() is FindingStatus.REVIEWING
    office.names(office.snow, terms=ANY)
    await office.look()
    assert office.status() is FindingStatus.REVIEWING
    office.names(office.snow, office.jira, terms=ANY)
    await office.sweep()
    assert (office.status(), office.in_jira().state.is_active) == (FindingStatus.REVIEWING, True)


async def test_a_create_whose_answer_was_lost_is_no_second_ticket_under_another_name(office: Changing) -> None:
    """The ticket is there, and a search does not show it yet."""
    office.names(office.jira)
    office.jira.lag = HORIZON - 1.0
    office.jira.troubles.once("created", TryLater("jira", "no answer", ambiguous=True))
    await office.look()
    renamed = called("tracker", office.jira, office.clock)
    office.names(renamed)
    await office.look()
    await office.later()
    assert (len(renamed.of(KEY.mark)), office.status()) == (1, FindingStatus.REVIEWING)


async def test_a_replay_in_a_tracker_that_is_not_named_says_so_and_stays_parked(office: Changing) -> None:
    office.jira.troubles.for_good("create", Refused("jira", "customfield_10010: is required", status=400))
    await office.look()
    office.jira.troubles.heal()
    office.names(office.snow)
    assert await office.desk.parked.replay(OPEN_JIRA, office.clock())
    await office.work()
    parked = (await office.parked())[OPEN_JIRA]
    assert (parked.system, parked.words) == (
        "mappings.yaml",
        "names no tracker jira: name it again, or where it has a new name, formerly",
    )
    office.names(office.snow, office.jira)
    await office.sweep()
    assert list(await office.parked()) == [OPEN_JIRA]
    assert await office.desk.parked.replay(OPEN_JIRA, office.clock())
    await office.work()
    assert (await office.parked(), len(office.tickets())) == ({}, 2)


async def test_what_is_parked_and_not_replayed_stays_so_and_holds_up_nothing(office: Changing) -> None:
    """No ticket was ever opened there, so there is nothing that could be missed."""
    office.jira.troubles.for_good("create", Refused("jira", "customfield_10010: is required", status=400))
    await office.look()
    office.names(office.snow)
    office.snow.change(office.in_snow().id, TicketState.DONE)
    await office.look()
    assert (office.status(), list(await office.parked())) == (FindingStatus.RESOLVED, [OPEN_JIRA])
