"""Somebody changes a ticket or a finding between our read and our write: that is planned anew, not parked."""

from collections.abc import Iterator, Mapping

import pytest
from structlog.testing import capture_logs

from remediation.domain.errors import NotFound, OutsideError, Refused, TryLater, Waiting
from remediation.domain.status import Status
from remediation.domain.tickets import Reason, Ticket, TicketState
from remediation.sealing import Keyring
from remediation.store.server.connection import Connection
from tests.integration.offices import HORIZON, KEY, Office
from tests.stand_ins import MemorySource, MemoryTracker

STALE = Refused("jira", "Transition id '31' is not valid for this issue.", status=400)


class Quick(MemoryTracker):
    """A Jira in which a person changes the ticket just before our next request to close it."""

    state: TicketState | None = None
    error: OutsideError = STALE

    async def resolve(
        self, ticket_id: str, reason: Reason, comment: str, fields: Mapping[str, object] | None = None
    ) -> Ticket:
        if self.state is None:
            return await super().resolve(ticket_id, reason, comment, fields)
        state, self.state = self.state, None
        if state is TicketState.GONE:
            del self.books[ticket_id]
        else:
            self.change(ticket_id, state, Reason.FIXED if state is TicketState.DONE else None, by="priya")
        raise self.error


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    with capture_logs():
        yield


@pytest.fixture
async def office(connection: Connection, keyring: Keyring) -> Office:
    """Both tickets are open, and the finding has just been resolved in SchoolScan."""
    office = Office(connection, keyring)
    office.jira = office.trackers["jira"] = Quick("jira", office.clock, horizon=HORIZON)
    await office.look()
    office.source.set_status("fnd_1", Status.RESOLVED)
    return office


def jira(office: Office) -> Quick:
    assert isinstance(office.jira, Quick)
    return office.jira


@pytest.mark.parametrize("state", [TicketState.IN_PROGRESS, TicketState.DONE])
@pytest.mark.parametrize("status", [400, 403, 409])
async def test_a_ticket_that_a_person_moved_just_then_is_closed_all_the_same(
    office: Office, state: TicketState, status: int
) -> None:
    jira(office).state, jira(office).error = state, Refused("jira", "not valid any more", status=status)
    await office.look()
    assert await office.parked() == {}
    await office.later(2)
    assert [ticket.state for ticket in office.tickets()] == [TicketState.DONE] * 2
    assert (await office.parked(), await office.context.todo.dirty()) == ({}, 0)


async def test_a_ticket_that_was_deleted_just_then_is_nobodys_refusal(office: Office) -> None:
    jira(office).state, jira(office).error = TicketState.GONE, NotFound("jira", "no such issue", status=404)
    await office.look()
    assert await office.parked() == {}
    await office.later(2)
    assert (office.status(), await office.parked()) == (Status.RESOLVED, {})


async def test_a_refusal_of_what_nobody_changed_is_parked_with_its_words(office: Office) -> None:
    office.jira.troubles.once("resolve", STALE)
    await office.look()
    parked = (await office.parked())[f"{KEY.ref}/resolve:jira"]
    assert parked.status == 400


async def test_being_overtaken_is_no_failed_attempt_and_is_looked_at_again_soon(office: Office) -> None:
    office.jira.troubles.for_good("resolve", TryLater("jira", "down", status=503))
    await office.look()
    for _ in range(6):
        await office.later(1_000)
    office.jira.troubles.heal()
    attempts = (await office.record()).attempts
    jira(office).state = TicketState.IN_PROGRESS
    await office.look()
    record = await office.record()
    assert (record.attempts, record.overtaken) == (attempts, 1)
    await office.later(2)
    assert [ticket.state for ticket in office.tickets()] == [TicketState.DONE] * 2
    assert ((await office.record()).attempts, (await office.record()).overtaken) == (0, 0)


async def test_who_is_overtaken_again_and_again_comes_less_often(office: Office) -> None:
    office.jira.troubles.for_good("resolve", TryLater("jira", "conflict", status=409, waiting=Waiting.CHANGED))
    await office.look()
    for _ in range(6):
        await office.later(1_000)
    assert (await office.record()).overtaken == 7
    looks = len(office.source.troubles.calls)
    await office.later(30)
    assert len(office.source.troubles.calls) == looks


async def test_a_finding_that_a_person_changed_just_then_is_planned_anew(
    connection: Connection, keyring: Keyring
) -> None:
    class Overtaken(MemorySource):
        async def update_finding(self, finding_id: str, status: Status, note: str) -> None:
            if not self.updates and self.findings[finding_id].status is Status.REVIEWING:
                self.set_status(finding_id, Status.ACCEPTED_RISK)
                self.updates.append((finding_id, Status.ACCEPTED_RISK, "by a person"))
                raise Refused("lakeside", "conflict", status=409)
            await super().update_finding(finding_id, status, note)

    office = Office(connection, keyring)
    await office.look()
    office.source = office.accounts["lakeside"] = Overtaken(office.source.findings["fnd_1"])
    for tracker in (office.snow, office.jira):
        tracker.change("id-1", TicketState.DONE, Reason.FIXED, by="priya")
    await office.look()
    await office.later(2)
    assert (office.status(), await office.parked()) == (Status.ACCEPTED_RISK, {})
