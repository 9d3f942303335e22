"""What is parked holds up nothing else: neither other cases nor the case's other actions; and order is kept."""

from collections.abc import Iterator

import pytest
from structlog.testing import capture_logs

from remediation.domain.cases.records import CaseKey, CaseKind
from remediation.domain.errors import Refused
from remediation.domain.findings import Finding
from remediation.domain.status import Severity, Status
from remediation.domain.tickets import Ticket, TicketState
from remediation.sealing import Keyring
from remediation.store.server.connection import Connection
from tests.integration.offices import KEY, Office
from tests.stand_ins import LATER

NO = Refused("jira", "customfield_10010: is required", status=400)
FORBIDDEN = Refused("lakeside", "the token may not write", status=403)
OPEN_JIRA, PATCH = f"{KEY.ref}/open:jira", f"{KEY.ref}/patch:reviewing"
OTHERS = [CaseKey("lakeside", CaseKind.FINDING, f"fnd_{number}") for number in range(2, 12)]


@pytest.fixture
def office(connection: Connection, keyring: Keyring) -> Office:
    return Office(connection, keyring)


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    with capture_logs():
        yield


def found(office: Office, key: CaseKey) -> None:
    office.source.findings[key.id] = Finding(key.id, Status.OPEN, Severity.HIGH, detected_at=LATER)


def tickets(office: Office, key: CaseKey) -> list[Ticket]:
    return [*office.snow.of(key.mark), *office.jira.of(key.mark)]


async def test_a_parked_action_and_a_parked_case_hold_up_no_other_case(office: Office) -> None:
    """The first case's ticket in Jira is refused, the second does not exist; ten more come behind them."""
    office.jira.troubles.once("create", NO)
    missing = CaseKey("lakeside", CaseKind.FINDING, "fnd_missing")
    await office.mark()
    await office.mark(missing)
    await office.work()
    for key in OTHERS:
        found(office, key)
        await office.mark(key)
    await office.work()
    assert sorted(await office.parked()) == sorted([OPEN_JIRA, f"{missing.ref}/look"])
    assert [len(tickets(office, key)) for key in OTHERS] == [2] * len(OTHERS)
    assert await office.context.todo.dirty() == 0


async def test_a_parked_action_holds_up_no_other_action_of_its_case(office: Office) -> None:
    office.jira.troubles.for_good("create", NO)
    await office.look()
    assert [ticket.tracker for ticket in office.tickets()] == ["snow"]
    assert office.source.updates == [("fnd_1", Status.REVIEWING, "new KEY-1")]
    office.snow.change(office.tickets()[0].id, TicketState.DONE)
    await office.look()
    assert office.status() is Status.RESOLVED


@pytest.mark.parametrize("replayed", [(OPEN_JIRA, PATCH), (PATCH, OPEN_JIRA)])
async def test_within_a_case_replayed_actions_are_done_in_their_order_whatever_the_order_of_replay(
    office: Office, replayed: tuple[str, str]
) -> None:
    """The note names the ticket, so the ticket comes first."""
    office.jira.troubles.for_good("create", NO)
    office.source.troubles.for_good("update_finding", FORBIDDEN)
    await office.look()
    assert sorted(await office.parked()) == sorted(replayed)
    office.jira.troubles.heal()
    office.source.troubles.heal()
    for name in replayed:
        assert await office.context.parked.replay(name, office.clock())
    await office.work()
    assert office.source.updates[-1] == ("fnd_1", Status.REVIEWING, "new KEY-1 KEY-1")
    assert await office.parked() == {}


async def test_a_replay_does_what_is_right_now_and_not_what_was_parked_then(office: Office) -> None:
    """P5: the finding was resolved while the ticket waited to be opened."""
    office.jira.troubles.for_good("create", NO)
    await office.look()
    office.jira.troubles.heal()
    office.source.set_status("fnd_1", Status.RESOLVED)
    assert await office.context.parked.replay(OPEN_JIRA, office.clock())
    await office.work()
    assert [(ticket.tracker, ticket.state) for ticket in office.tickets()] == [("snow", TicketState.DONE)]
    assert await office.parked() == {}
