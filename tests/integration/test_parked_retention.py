"""Parked work on a real Valkey: where nobody decides about it for long enough, it is given up, and the case stays."""

from typing import Any

import pytest
from structlog.testing import capture_logs

from remediation.deliveries.events import SCHOOLSCAN
from remediation.domain.errors import KeyMissing, Refused
from remediation.domain.status import Status
from remediation.sealing import Keyring
from remediation.store.audit.entries import AuditAct
from remediation.store.cases.entries import GivenUp
from remediation.store.deliveries.inbox import DeliveryState
from remediation.store.deliveries.parked import ParkedKind
from remediation.store.keys import INBOX
from remediation.store.server.connection import Connection
from tests.integration.offices import KEY, Office
from workers.rounds.expiring import give_up_parked

DAY = 86_400.0
OPEN_JIRA = f"{KEY.ref}/open:jira"


@pytest.fixture
async def office(connection: Connection, keyring: Keyring) -> Office:
    """A case whose ticket in Jira is refused."""
    office = Office(connection, keyring)
    office.jira.troubles.for_good("create", Refused("jira", "no", status=400))
    await office.look()
    assert (await office.parked()).keys() == {OPEN_JIRA}
    return office


async def days_pass(office: Office, days: float) -> None:
    office.clock.pass_by(days * DAY)
    await give_up_parked(office.arq_context)


async def told_of(office: Office) -> list[tuple[str, str, str, int | None]]:
    """What the audit has of it: what, of whom, why, and how many."""
    await office.context.trail.chain(office.clock())
    entries = [line.entry async for line in office.context.trail.lines()]
    return [(each.fact, each.piece, each.cause, each.count) for each in entries if each.act == AuditAct.FORGOTTEN]


async def test_parked_work_is_given_up_when_its_time_is_over_and_the_case_stays(office: Office) -> None:
    await days_pass(office, 399)
    assert (await office.parked()).keys() == {OPEN_JIRA}
    with capture_logs() as logs:
        await days_pass(office, 2)
    assert await office.parked() == {}
    record = await office.record()
    assert set(map(str, record.given_up)) == {"open:jira"}
    assert record.links.keys() == {"snow"}
    assert office.status() is Status.REVIEWING
    told = {"event": "parked_given_up", "log_level": "warning", "account": "lakeside", "action": OPEN_JIRA}
    assert [{**line, **told} for line in logs] == logs
    assert await told_of(office) == [("parked", "lakeside", "age", 1)]
    assert (await office.context.timeline.read(KEY.ref))[-1] == GivenUp(office.clock(), "open:jira")
    assert await office.look() == ["look_at_case"], "nothing tries it again by itself"
    assert office.jira.of(KEY.mark) == []


async def test_work_that_was_set_aside_once_more_counts_from_then(office: Office) -> None:
    await days_pass(office, 300)
    await office.context.parked.replay(OPEN_JIRA, office.clock())
    await office.work()
    await days_pass(office, 399)
    assert (await office.parked()).keys() == {OPEN_JIRA}
    await days_pass(office, 2)
    assert await office.parked() == {}


async def test_a_delivery_that_no_key_opened_is_shredded(office: Office) -> None:
    await office.context.inbox.accept("d1", SCHOOLSCAN, "lakeside", b"{}", office.clock())
    kind, error = ParkedKind.DELIVERY, KeyMissing("k1")
    await office.context.parked.park(kind, "d1", error, office.clock(), district="lakeside", system="schoolscan")
    await days_pass(office, 401)
    assert await office.context.inbox.state("d1") is DeliveryState.DISCARDED
    assert await office.connection.ask(office.redis.hget(f"{INBOX}d1", "body")) is None
    assert 0 < await office.redis.ttl(f"{INBOX}d1") <= 30 * DAY
    assert await told_of(office) == [("parked", "lakeside", "age", 2)]


async def test_what_nobody_can_read_has_a_time_of_its_own(office: Office) -> None:
    for number in range(3):
        await office.context.inbox.accept(
            f"bad-{number}", SCHOOLSCAN, "lakeside", b"x", office.clock() - DAY, unreadable="is no JSON"
        )
    await days_pass(office, 401)
    assert (await office.parked()).keys() == {f"delivery/bad-{number}" for number in range(3)}
    assert await told_of(office) == [("parked", "lakeside", "age", 1)]


async def test_the_audit_tells_of_what_was_given_up_and_of_nothing_else(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A person decides between the look at what is due and the step that gives it up."""
    run, asked = Connection.run, list[str]()

    async def overtaken(connection: Connection, name: str, *args: Any) -> Any:
        asked.append(name)
        if name == "give_up_parked" and asked.count(name) == 2:
            await office.context.parked.discard(OPEN_JIRA, office.clock())
        return await run(connection, name, *args)

    monkeypatch.setattr(Connection, "run", overtaken)
    await days_pass(office, 401)
    assert asked.count("give_up_parked") == 3
    assert await told_of(office) == []
