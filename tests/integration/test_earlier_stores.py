"""A store that an earlier version wrote works on: nothing in it is lost, done twice, or read as something else."""

from pathlib import Path

import pytest

from remediation.domain.cases.records import CaseKey
from remediation.domain.status import Status
from remediation.domain.tickets import TicketState
from remediation.store.server.connection import Connection
from tests.action_names import actions_named
from tests.integration.earlier_stores import (
    ACCEPTED,
    ACCEPTED_FOR,
    GIVEN_UP,
    KEYRING,
    NEW,
    PAGE,
    PUT_OFF,
    REFUSED,
    RESOLVED,
    SCANNED,
    STORES,
    UNANSWERED,
    load,
    play,
    rows_of,
    tickets_of,
    write,
    written,
)
from tests.integration.offices import Office

FILES = sorted(STORES.glob("*.json"))


@pytest.fixture(params=FILES, ids=[path.stem for path in FILES])
async def office(connection: Connection, request: pytest.FixtureRequest) -> Office:
    """The world outside as `play` leaves it, and the store that an earlier version left."""
    office = Office(connection, KEYRING, page_size=PAGE)
    await play(office)
    await load(connection.redis, rows_of(request.param))
    return office


def status(office: Office, key: CaseKey) -> Status:
    return office.source.findings[key.id].status


async def settle(office: Office, seconds: float = 1_000.0) -> None:
    """Time passes until nothing is left to do."""
    await office.later(seconds)
    for _ in range(5):
        if await office.context.todo.dirty():
            await office.later()
    assert await office.context.todo.dirty() == 0


def states(office: Office, key: CaseKey) -> list[TicketState]:
    return [ticket.state for _, ticket in tickets_of(office, key)]


async def test_a_file_holds_all_that_lies_in_a_store(
    connection: Connection, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    """Of the code at hand; `--write-store` keeps the file."""
    await play(Office(connection, KEYRING, page_size=PAGE))
    rows = await written(connection.redis)
    name = request.config.getoption("--write-store")
    path = STORES / f"{name}.json" if name else tmp_path / "store.json"
    write(path, rows)
    await load(connection.redis, rows_of(path))
    assert [row | {"ttl": 0} for row in await written(connection.redis)] == [row | {"ttl": 0} for row in rows]


async def test_what_waits_in_an_earlier_store_is_done_and_nothing_twice(office: Office) -> None:
    """The delivery is read, the lost ticket found, what was put off done, and the scan listed to its end."""
    await settle(office)
    for key in (NEW, UNANSWERED, PUT_OFF, *SCANNED):
        assert states(office, key) == [TicketState.OPEN] * 2, key
        assert status(office, key) is Status.REVIEWING


async def test_cases_at_rest_are_at_rest(office: Office) -> None:
    written_before = len(office.source.updates)
    for key in (RESOLVED, ACCEPTED):
        await office.mark(key)
    await office.work()
    assert not [update for update in office.source.updates[written_before:] if update[0] in {RESOLVED.id, ACCEPTED.id}]
    assert states(office, RESOLVED) == states(office, ACCEPTED) == [TicketState.DONE] * 2


async def test_a_ticket_of_an_earlier_store_is_opened_again_when_its_finding_is_found_again(office: Office) -> None:
    office.source.set_status(RESOLVED.id, Status.OPEN)
    await office.mark(RESOLVED)
    await office.work()
    assert states(office, RESOLVED) == [TicketState.OPEN] * 2


async def test_an_accepted_risk_of_an_earlier_store_ends(office: Office) -> None:
    assert status(office, ACCEPTED) is Status.ACCEPTED_RISK
    await settle(office, ACCEPTED_FOR + 60)
    assert status(office, ACCEPTED) is Status.REVIEWING
    assert states(office, ACCEPTED) == [TicketState.OPEN] * 2


async def test_parked_work_of_an_earlier_store_is_shown_and_replayed(office: Office) -> None:
    assert sorted(await office.parked()) == ["delivery/evt_bad", f"{REFUSED.ref}/open:jira"]
    await settle(office)
    assert states(office, REFUSED) == [TicketState.OPEN]
    assert await office.context.parked.replay(f"{REFUSED.ref}/open:jira", office.clock())
    await office.work()
    assert states(office, REFUSED) == [TicketState.OPEN] * 2


async def test_what_somebody_gave_up_in_an_earlier_store_stays_given_up(office: Office) -> None:
    await settle(office)
    await office.mark(GIVEN_UP)
    await office.work()
    assert states(office, GIVEN_UP) == [TicketState.OPEN]
    assert (await office.record(GIVEN_UP)).given_up == actions_named("open:jira")


async def test_the_timeline_of_an_earlier_store_is_told_and_goes_on(office: Office) -> None:
    timeline = office.context.timeline
    before = await timeline.read(RESOLVED.ref)
    assert len(before) > 2
    office.source.set_status(RESOLVED.id, Status.OPEN)
    await office.mark(RESOLVED)
    await office.work()
    after = await timeline.read(RESOLVED.ref)
    assert after[: len(before)] == before
    assert len(after) > len(before)
