"""Cases on a real Valkey: one that came to its end long enough ago is deleted whole, and nothing that lives ever is."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from remediation.domain.cases.identities import Identity, IdentityField
from remediation.domain.cases.records import CaseKey, CaseKind
from remediation.domain.errors import Refused, TryLater
from remediation.domain.findings import Finding
from remediation.domain.status import Severity, Status
from remediation.domain.tickets import Reason, TicketState
from remediation.sealing import Keyring
from remediation.store.audit.entries import AuditAct
from remediation.store.cases import retention
from remediation.store.cases.retention import CaseRetention
from remediation.store.keys import APPOINTMENTS, CASE, CASE_LISTS, FORGETTING
from remediation.store.server.connection import Connection
from tests.integration.offices import KEY, Office
from tests.integration.traces import naming
from tests.stand_ins import PlainRulebook
from workers.rounds.expiring import forget_cases

DAY = 86_400.0
KEPT = timedelta(days=400)


@pytest.fixture
def office(connection: Connection, keyring: Keyring) -> Office:
    return Office(connection, keyring)


async def solve(office: Office) -> None:
    """People close the tickets of the case, and it comes to its end."""
    for tracker in (office.snow, office.jira):
        for ticket in tracker.of(KEY.mark):
            tracker.change(ticket.id, TicketState.DONE, Reason.FIXED, by="ana")
    await office.look()
    assert office.status() is Status.RESOLVED


async def days_pass(office: Office, days: float) -> None:
    office.clock.pass_by(days * DAY)
    await forget_cases(office.arq_context)


async def named_anywhere(connection: Connection, word: str) -> set[str]:
    """Every key that has this word in its name or its value, without the audit and the queue's own."""
    return {key for key in await naming(connection, [word]) if not key.startswith(("arq:", "remedy:audit"))}


async def told_of(office: Office) -> list[tuple[str, str, str, int | None]]:
    """What the audit has of deletions: what, of whom, why, and how many."""
    await office.context.trail.chain(office.clock())
    entries = [line.entry async for line in office.context.trail.lines()]
    return [(each.fact, each.piece, each.cause, each.count) for each in entries if each.act == AuditAct.FORGOTTEN]


async def is_known(office: Office, key: CaseKey = KEY) -> bool:
    return await office.context.todo.is_known(key.ref)


async def test_a_case_goes_when_its_time_is_over_with_all_that_is_kept_of_it(office: Office) -> None:
    await office.look()
    await days_pass(office, 100)
    await solve(office)
    await days_pass(office, 399)
    assert await is_known(office)
    await days_pass(office, 2)
    assert await named_anywhere(office.connection, KEY.ref) == set()
    assert await told_of(office) == [("cases", "lakeside", "age", 1)]
    for tracker in (office.snow, office.jira):
        ids = [ticket.id for ticket in tracker.of(KEY.mark)]
        assert await office.context.todo.keys_of_tickets(tracker.name, ids) == [None]
    assert await office.connection.ask(office.redis.hkeys(CASE_LISTS)) == [b""]


async def test_a_case_counts_from_its_end_and_not_from_what_happens_afterwards(office: Office) -> None:
    await office.look()
    await solve(office)
    await days_pass(office, 300)
    office.jira.troubles.once("read", TryLater("jira", "busy", status=503))
    await office.look()
    await office.later()
    office.source.set_severity("fnd_1", Severity.CRITICAL)
    await office.look()
    await days_pass(office, 101)
    assert not await is_known(office)


async def test_a_case_that_lives_again_counts_from_its_next_end(office: Office) -> None:
    await office.look()
    await solve(office)
    office.clock.pass_by(300 * DAY)
    office.source.set_status("fnd_1", Status.OPEN)
    await office.look()
    await days_pass(office, 500)
    assert await is_known(office), "people work on it"
    await solve(office)
    await days_pass(office, 399)
    assert await is_known(office)
    await days_pass(office, 2)
    assert not await is_known(office)


@pytest.mark.parametrize("what", ["given up", "ticket open", "parked", "waiting", "intent", "accepted until"])
async def test_what_is_not_at_its_end_stays(office: Office, what: str) -> None:
    match what:
        case "given up":
            for tracker in (office.snow, office.jira):
                tracker.troubles.once("create", Refused(tracker.name, "no", status=400))
            await office.look()
            for name in await office.parked():
                await office.context.parked.discard(name, office.clock())
        case "ticket open":
            await office.look()
            office.source.forget("fnd_1")
            await office.look()
        case "parked":
            await office.look()
            office.jira.troubles.for_good("update", Refused("jira", "no", status=400))
            office.source.set_status("fnd_1", Status.RESOLVED)
            office.jira.troubles.for_good("resolve", Refused("jira", "no", status=400))
            await office.look()
        case "waiting":
            await office.look()
            await solve(office)
            await office.mark()
        case "intent":
            await office.look()
            await solve(office)
            await office.connection.ask(office.redis.hset(CASE + KEY.ref, "intent:jira", "0"))
        case _:
            await office.look()
            await solve(office)
            await office.connection.ask(office.redis.zadd(APPOINTMENTS, {KEY.ref: (office.clock() + 900 * DAY) * 1000}))
    for _ in range(3):
        await days_pass(office, 401)
    assert await is_known(office)
    assert await told_of(office) == []


async def test_a_finding_that_no_rule_takes_leaves_nothing_after_its_time(office: Office) -> None:
    office.context = replace(office.context, rulebook=PlainRulebook())
    await office.look()
    await days_pass(office, 399)
    assert await is_known(office)
    await days_pass(office, 2)
    assert not await is_known(office)


async def test_a_finding_that_no_rule_took_counts_from_when_it_is_solved(office: Office) -> None:
    office.context = replace(office.context, rulebook=PlainRulebook())
    await office.look()
    await days_pass(office, 300)
    office.source.set_status("fnd_1", Status.RESOLVED)
    await office.look()
    await days_pass(office, 399)
    assert await is_known(office)


async def test_a_case_counts_from_when_its_last_parked_action_was_given_up(office: Office) -> None:
    await office.look()
    office.jira.troubles.for_good("resolve", Refused("jira", "no", status=400))
    office.source.set_status("fnd_1", Status.RESOLVED)
    await office.look()
    (name,) = await office.parked()
    for ticket in office.jira.of(KEY.mark):
        office.jira.change(ticket.id, TicketState.DONE, Reason.FIXED, by="ana")
    await office.context.parked.discard(name, office.clock())
    await office.look()
    await days_pass(office, 401)
    assert not await is_known(office)


async def test_a_case_of_an_earlier_version_counts_from_when_it_is_found(office: Office) -> None:
    await office.look()
    await solve(office)
    await office.connection.ask(office.redis.hdel(CASE + KEY.ref, "ended"))
    await days_pass(office, 500)
    assert (await office.record()).ended == office.clock()
    await days_pass(office, 399)
    assert await is_known(office)
    await days_pass(office, 2)
    assert not await is_known(office)


async def test_an_end_that_an_earlier_version_has_left_beside_a_living_case_does_not_count(office: Office) -> None:
    await office.look()
    await office.connection.ask(office.redis.hset(CASE + KEY.ref, "ended", "1"))
    await days_pass(office, 500)
    assert await is_known(office)
    assert (await office.record()).ended is None


async def test_a_case_that_is_marked_between_the_look_at_it_and_its_deletion_stays(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    await office.look()
    await solve(office)
    run = Connection.run

    async def late(connection: Connection, name: str, *args: Any) -> Any:
        if name == "forget_cases":
            await office.mark()
        return await run(connection, name, *args)

    monkeypatch.setattr(Connection, "run", late)
    await days_pass(office, 401)
    assert await is_known(office)
    assert await told_of(office) == []


async def test_all_cases_are_looked_through_in_steps_and_once_a_day(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "STEP", 3)
    keys = [CaseKey("lakeside", CaseKind.FINDING, f"fnd_{number}") for number in range(10, 20)]
    for key in keys:
        office.source.findings[key.id] = Finding(key.id, Status.RESOLVED, Severity.HIGH)
        await office.mark(key)
    await office.work()
    cases = CaseRetention(office.connection, office.context.audit)
    office.clock.pass_by(401 * DAY)
    deleted = [(await cases.forget(KEPT, office.clock(), 1)).get("lakeside", 0) for _ in range(5)]
    assert deleted == [3, 3, 3, 1, 0]
    assert await told_of(office) == [("cases", "lakeside", "age", count) for count in (3, 3, 3, 1)]
    assert await office.connection.ask(office.redis.hget(FORGETTING, "list")) is None
    await office.mark(keys[0])
    await office.work()
    await days_pass(office, 0)
    assert await is_known(office, keys[0])


async def test_the_cases_of_the_findings_of_an_identity_go_with_it(office: Office) -> None:
    rulebook = PlainRulebook("snow", "jira")
    rulebook.identities["lakeside"] = Identity(frozenset({IdentityField.TITLE}), b"test-only-key-of-an-identity-----")
    office.context = replace(office.context, rulebook=rulebook)
    for name in ("fnd_1", "fnd_2"):
        office.source.findings[name] = Finding(name, Status.RESOLVED, Severity.HIGH, title="the same")
        await office.mark(CaseKey("lakeside", CaseKind.FINDING, name))
    await office.work()
    assert len([key async for key in office.redis.scan_iter(f"{CASE}*")]) == 3
    await days_pass(office, 401)
    assert [key async for key in office.redis.scan_iter(f"{CASE}*")] == []
    assert await told_of(office) == [("cases", "lakeside", "age", 1)]


async def test_news_of_a_finding_that_no_look_has_taken_up_is_not_deleted_with_the_case_it_belongs_to(
    office: Office,
) -> None:
    rulebook = PlainRulebook("snow", "jira")
    rulebook.identities["lakeside"] = Identity(frozenset({IdentityField.TITLE}), b"test-only-key-of-an-identity-----")
    office.context = replace(office.context, rulebook=rulebook)
    office.source.findings["fnd_1"] = Finding("fnd_1", Status.RESOLVED, Severity.HIGH, title="the same")
    await office.mark(KEY)
    await office.work()
    assert (await office.record()).home
    office.clock.pass_by(401 * DAY)
    office.source.set_status("fnd_1", Status.OPEN)
    await office.mark(KEY)
    await forget_cases(office.arq_context)
    await office.work()
    assert office.status() is Status.REVIEWING


async def test_what_leads_to_a_deleted_case_goes_from_the_index_of_tickets(office: Office) -> None:
    """Of tickets that the case had before, its row tells nothing."""
    await office.look()
    before = office.jira.of(KEY.mark)[0]
    office.jira.change(before.id, TicketState.GONE)
    await office.look()
    assert [ticket.state for ticket in office.tickets()] == [TicketState.OPEN, TicketState.GONE, TicketState.OPEN]
    await solve(office)
    await days_pass(office, 401)
    await days_pass(office, 2)
    assert not await is_known(office)
    names = [key async for key in office.redis.scan_iter("remedy:ticket-index:*")]
    left = {key.decode(): await office.connection.ask(office.redis.hgetall(key.decode())) for key in names}
    assert left == {f"remedy:ticket-index:{name}": {b"tickets:": b"0"} for name in ("jira", "snow")}


# What comes after it was forgotten.


async def forgotten(office: Office) -> None:
    await office.look()
    await solve(office)
    await days_pass(office, 401)
    assert not await is_known(office)


async def test_a_forgotten_finding_that_is_found_again_gets_its_earlier_tickets_back(office: Office) -> None:
    office.source.findings["fnd_1"] = replace(office.source.findings["fnd_1"], detected_at=_now(office))
    await forgotten(office)
    tickets = [ticket.id for ticket in office.tickets()]
    office.source.set_status("fnd_1", Status.OPEN)
    await office.look()
    assert [ticket.id for ticket in office.tickets()] == tickets
    assert {ticket.state for ticket in office.tickets()} == {TicketState.OPEN}
    assert office.status() is Status.REVIEWING
    assert (await office.record()).links.keys() == {"snow", "jira"}


async def test_a_forgotten_finding_that_is_still_solved_stays_so_and_goes_again(office: Office) -> None:
    await forgotten(office)
    await office.look()
    assert await office.work() == []
    assert office.status() is Status.RESOLVED
    await days_pass(office, 401)
    assert not await is_known(office)


async def test_a_ticket_that_was_moved_and_is_of_a_former_account_is_not_certain_to_be_a_strangers(
    office: Office,
) -> None:
    """The case that was linked to it may be one that was forgotten, although the store is older than the finding."""
    await forgotten(office)
    await office.mark()
    lease = await office.context.todo.take(KEY.ref, office.clock())
    assert lease is not None
    assert lease.record.forgotten == pytest.approx(office.clock() - 401 * DAY, abs=1)
    await office.context.todo.let_go(lease)


def _now(office: Office) -> datetime:
    return datetime.fromtimestamp(office.clock(), UTC)
