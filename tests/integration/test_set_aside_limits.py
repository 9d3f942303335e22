"""What somebody with a stolen webhook secret can leave behind has a limit and a lifetime, for each district."""

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from prometheus_client import REGISTRY

from remediation.deliveries.events import SCHOOLSCAN
from remediation.deliveries.jira import JIRA
from remediation.domain.cases.records import CaseKey, CaseKind
from remediation.domain.errors import FirstLooksFull, NotFound, QuarantineFull
from remediation.domain.tickets import Ticket, TicketState
from remediation.sealing import Keyring
from remediation.store.audit.entries import AuditAct, Forgotten
from remediation.store.deliveries.inbox import DeliveryState, Inbox, MostKept
from remediation.store.deliveries.parked import ParkedKind, ParkedWork
from remediation.store.deliveries.set_aside import Deleted, KeptAside, SetAsideLimits, what_is_kept
from remediation.store.keys import NOT_FOUND, QUARANTINED, SET_ASIDE
from remediation.store.server.connection import Connection
from tests.integration.offices import KEY, Office
from tests.integration.receivers import Receiver, account, event
from tests.integration.telling import jira_body
from workers.jobs.deliveries import read_delivery
from workers.rounds.trimming import trim_set_aside

NOW = 1_800_000_000.0
DAY = 86_400.0


@pytest.fixture
def office(connection: Connection, keyring: Keyring) -> Office:
    return Office(connection, keyring)


def named(number: int) -> CaseKey:
    return CaseKey("lakeside", CaseKind.FINDING, f"fnd_9{number}")


async def deliver(office: Office, finding: str, delivery: str = "") -> None:
    """A delivery names a finding, and is read."""
    body = json.dumps({"id": "evt", "type": "finding.critical", "data": {"finding_id": finding}}).encode()
    name = delivery or finding
    await office.context.inbox.accept(name, SCHOOLSCAN, "lakeside", body, office.clock())
    await read_delivery(office.arq_context, name)


async def named_anywhere(connection: Connection, word: str) -> list[str]:
    """Every key that has this word in its name or its value, without the queue's own."""
    found = []
    async for key in connection.redis.scan_iter():
        content = key + (await connection.redis.dump(key) or b"")
        if word.encode() in content and not key.startswith(b"arq:"):
            found.append(key.decode())
    return found


async def told_of(office: Office) -> list[tuple[str, str, str, int | None]]:
    """What the audit has of deletions: what, of whom, why, and how many."""
    await office.context.trail.chain(office.clock())
    entries = [line.entry async for line in office.context.trail.lines()]
    return [(each.fact, each.piece, each.cause, each.count) for each in entries if each.act == AuditAct.FORGOTTEN]


async def test_what_cannot_be_read_is_refused_before_it_is_accepted_once_enough_of_it_is_kept(
    connection: Connection, keyring: Keyring
) -> None:
    receiver = Receiver(connection, keyring, {"lakeside": account(), "harbor": account("harbor")})
    receiver.app.state.context.inbox = Inbox(connection, keyring, most=MostKept(quarantined=2))
    assert [(await receiver.deliver(b"no json %d" % number)).status_code for number in range(3)] == [202, 202, 503]
    refusal = await receiver.deliver(b"no json 3")
    assert (refusal.status_code, refusal.headers["retry-after"]) == (503, "300")
    assert (await receiver.deliver(b"no json 0")).status_code == 202, "a repeat of what is kept"
    assert (await receiver.deliver(event())).status_code == 202
    there = await receiver.deliver(b"no json", path="/webhooks/schoolscan/harbor")
    assert there.status_code == 202, "another district's limit is its own"
    parked = ParkedWork(connection, keyring)
    assert await parked.count() == 3
    assert await what_is_kept(connection) == [
        KeptAside(Forgotten.QUARANTINED, "schoolscan/harbor", 1),
        KeptAside(Forgotten.QUARANTINED, "schoolscan/lakeside", 2),
    ]
    labels = {"sender": "schoolscan", "account": "lakeside", "reason": "QuarantineFull"}
    assert (REGISTRY.get_sample_value("remedy_deliveries_not_kept_total", labels) or 0) >= 2


@pytest.mark.parametrize("how", ["replay", "discard"])
async def test_a_person_who_decides_about_a_quarantined_delivery_makes_room(
    connection: Connection, keyring: Keyring, how: str
) -> None:
    inbox, parked = Inbox(connection, keyring, most=MostKept(quarantined=1)), ParkedWork(connection, keyring)
    assert await inbox.accept("d1", SCHOOLSCAN, "lakeside", b"x", NOW, unreadable="is no JSON")
    with pytest.raises(QuarantineFull):
        await inbox.accept("d2", SCHOOLSCAN, "lakeside", b"x", NOW, unreadable="is no JSON")
    await (parked.replay if how == "replay" else parked.discard)("delivery/d1", NOW)
    assert await inbox.accept("d2", SCHOOLSCAN, "lakeside", b"x", NOW, unreadable="is no JSON")


async def test_a_delivery_that_was_accepted_and_cannot_be_read_by_a_worker_is_kept_beyond_the_limit(
    office: Office, keyring: Keyring
) -> None:
    inbox = Inbox(office.connection, keyring, most=MostKept(quarantined=1))
    for number in range(3):
        await inbox.accept(f"d{number}", SCHOOLSCAN, "lakeside", b"no json", NOW)
    await office.work()
    assert {item.kind for item in (await office.parked()).values()} == {ParkedKind.QUARANTINED}
    assert await what_is_kept(office.connection) == [KeptAside(Forgotten.QUARANTINED, "schoolscan/lakeside", 3)]
    with pytest.raises(QuarantineFull):
        await inbox.accept("d9", SCHOOLSCAN, "lakeside", b"x", NOW, unreadable="is no JSON")


async def test_cases_that_wait_for_their_first_look_are_limited_for_each_sender(
    office: Office, keyring: Keyring
) -> None:
    office.context = replace(office.context, inbox=Inbox(office.connection, keyring, most=MostKept(first_looks=2)))
    for finding in ("fnd_1", "fnd_1", "fnd_92"):
        await deliver(office, finding, f"{finding}/{office.clock()}")
        office.clock.pass_by(1)
    with pytest.raises(FirstLooksFull):
        await deliver(office, "fnd_93")
    assert await office.context.inbox.state("fnd_93") is None
    body = jira_body(Ticket("jira", "1", "SEC-1", "", TicketState.OPEN, mark=named(4).mark, version="1"))
    assert await office.context.inbox.accept("told", JIRA, "jira", body, office.clock()), "another sender's limit"
    await office.work()
    await deliver(office, "fnd_93")
    assert await office.context.inbox.state("fnd_93") is DeliveryState.DONE


async def test_a_case_that_waits_longer_than_a_day_does_not_count_for_its_sender(
    office: Office, keyring: Keyring
) -> None:
    office.context = replace(office.context, inbox=Inbox(office.connection, keyring, most=MostKept(first_looks=1)))
    await deliver(office, "fnd_91")
    office.clock.pass_by(DAY + 1)
    await deliver(office, "fnd_92")


async def test_findings_that_do_not_exist_make_room_for_one_another_and_leave_nothing(office: Office) -> None:
    office.context = replace(office.context, set_aside=SetAsideLimits(office.connection, office.context.audit, most=2))
    for number in range(4):
        await deliver(office, named(number).id)
        await office.work()
        office.clock.pass_by(1)
    assert (await office.parked()).keys() == {f"{named(number).ref}/look" for number in (2, 3)}
    assert [key for n in (0, 1) for key in await named_anywhere(office.connection, named(n).ref)] == []
    (kept,) = await what_is_kept(office.connection)
    assert kept == KeptAside(Forgotten.NOT_FOUND, "lakeside", 2, 2, office.clock() - 1)
    assert await office.context.inbox.state(named(0).id) is DeliveryState.DONE
    labels = {"kind": "not_found", "account": "lakeside", "reason": "room"}
    assert (REGISTRY.get_sample_value("remedy_set_aside_deleted_total", labels) or 0) >= 2
    assert await told_of(office) == [("not_found", "lakeside", "room", 1)] * 2
    await deliver(office, named(0).id, "once more")
    await office.work()
    assert f"{named(0).ref}/look" in await office.parked(), "it is looked at as any other"


async def test_what_makes_room_goes_in_pieces_each_of_which_is_one_line_of_the_audit(office: Office) -> None:
    limits = SetAsideLimits(office.connection, office.context.audit, most=20)
    office.context = replace(office.context, set_aside=limits)
    for number in range(10, 35):
        await office.mark(named(number))
        await office.work()
        office.clock.pass_by(1)
    assert await told_of(office) == [("not_found", "lakeside", "room", 3)]
    assert [each.count for each in await what_is_kept(office.connection)] == [22]
    await trim_set_aside(office.arq_context)
    assert [each.count for each in await what_is_kept(office.connection)] == [20]
    assert await told_of(office) == [("not_found", "lakeside", "room", count) for count in (3, 2)]


async def test_the_audit_tells_of_what_was_deleted_and_of_nothing_else(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Others delete between the look at what is due and the deletion."""
    for number in range(3):
        await deliver(office, named(number).id)
    await office.work()
    office.clock.pass_by(31 * DAY)
    run, asked = Connection.run, list[str]()

    async def overtaken(connection: Connection, name: str, *args: str) -> Any:
        asked.append(name)
        if asked.count("trim_set_aside") == 2 and name == "trim_set_aside":
            await office.context.parked.discard(f"{named(1).ref}/look", office.clock())
            await office.connection.ask(office.redis.zrem(NOT_FOUND + "lakeside", f"{named(1).ref}/look"))
        return await run(connection, name, *args)

    monkeypatch.setattr(Connection, "run", overtaken)
    assert await office.context.set_aside.trim(office.clock()) == [Deleted(Forgotten.NOT_FOUND, "lakeside", 2, 0)]
    assert asked.count("trim_set_aside") == 3
    assert await told_of(office) == [("not_found", "lakeside", "age", 2)]


async def test_one_district_makes_no_room_for_another(office: Office) -> None:
    office.accounts["harbor"] = office.source
    office.context = replace(office.context, set_aside=SetAsideLimits(office.connection, office.context.audit, most=1))
    elsewhere = CaseKey("harbor", CaseKind.FINDING, "fnd_99")
    await office.mark(elsewhere)
    await office.work()
    for number in range(3):
        await office.mark(named(number))
        await office.work()
    assert (await office.parked()).keys() == {f"{elsewhere.ref}/look", f"{named(2).ref}/look"}


async def test_what_was_not_found_and_what_cannot_be_read_goes_after_its_time(office: Office) -> None:
    limits = SetAsideLimits(office.connection, office.context.audit, timedelta(days=90), timedelta(days=30))
    office.context = replace(office.context, set_aside=limits)
    await deliver(office, "fnd_91")
    await office.context.inbox.accept("bad", SCHOOLSCAN, "lakeside", b"x", office.clock(), unreadable="is no JSON")
    body = json.dumps({"id": "evt", "type": "scan.completed", "data": {"scan_id": "scan_9"}}).encode()
    office.source.troubles.once("findings_page", NotFound("lakeside", "no such scan", status=404))
    await office.context.inbox.accept("scan", SCHOOLSCAN, "lakeside", body, office.clock())
    await office.work()
    assert len(await office.parked()) == 3
    office.clock.pass_by(29 * DAY)
    await trim_set_aside(office.arq_context)
    assert len(await office.parked()) == 3
    office.clock.pass_by(2 * DAY)
    assert await office.context.set_aside.trim(office.clock()) == [Deleted(Forgotten.NOT_FOUND, "lakeside", 2, 0)]
    assert (await office.parked()).keys() == {"delivery/bad"}
    listed = "remedy:deliveries:schoolscan/lakeside|done"
    assert sorted(await named_anywhere(office.connection, "fnd_91")) == [listed, "remedy:inbox:fnd_91"]
    assert await named_anywhere(office.connection, "scan_9") == []
    office.clock.pass_by(60 * DAY)
    assert await office.context.set_aside.trim(office.clock()) == [
        Deleted(Forgotten.QUARANTINED, "schoolscan/lakeside", 1, 0)
    ]
    assert await office.parked() == {}
    assert await office.context.inbox.state("bad") is None
    assert await told_of(office) == [
        ("not_found", "lakeside", "age", 2),
        ("quarantined", "schoolscan/lakeside", "age", 1),
    ]
    assert await office.connection.ask(office.redis.exists(SET_ASIDE)) == 0


async def test_a_finding_that_is_there_at_a_later_look_stays(office: Office) -> None:
    await deliver(office, "fnd_91")
    await office.work()
    office.source.findings["fnd_91"] = replace(office.source.findings["fnd_1"], id="fnd_91")
    await office.mark(named(1))
    await office.work()
    assert office.jira.of(named(1).mark)
    office.clock.pass_by(400 * DAY)
    assert await office.context.set_aside.trim(office.clock()) == []
    assert (await office.record(named(1))).links.keys() == {"snow", "jira"}


async def test_a_finding_that_is_gone_after_it_had_tickets_stays(office: Office) -> None:
    await office.look()
    del office.source.findings["fnd_1"]
    await office.look()
    office.clock.pass_by(400 * DAY)
    assert await office.context.set_aside.trim(office.clock()) == []
    assert (await office.record(KEY)).links.keys() == {"snow", "jira"}


async def test_a_mark_of_a_finding_that_does_not_exist_leaves_nothing_after_its_time(office: Office) -> None:
    ticket = Ticket("jira", "10099", "SEC-99", "", TicketState.OPEN, mark=named(1).mark, version="2026-04-15T14:02:03")
    await office.context.inbox.accept("told", JIRA, "jira", jira_body(ticket), office.clock())
    await office.work()
    await office.later()
    assert await named_anywhere(office.connection, named(1).ref)
    office.clock.pass_by(31 * DAY)
    assert await office.context.set_aside.trim(office.clock()) == [Deleted(Forgotten.NOT_FOUND, "lakeside", 1, 0)]
    assert [key for key in await named_anywhere(office.connection, named(1).ref) if "ticket-index" not in key] == []


async def test_what_an_earlier_version_has_set_aside_gets_its_lifetime_too(office: Office) -> None:
    await deliver(office, "fnd_91")
    await office.work()
    await office.context.inbox.accept("bad", SCHOOLSCAN, "lakeside", b"x", office.clock(), unreadable="is no JSON")
    lists = (NOT_FOUND + "lakeside", QUARANTINED + "schoolscan/lakeside", SET_ASIDE)
    await office.connection.ask(office.redis.delete(*lists))
    office.clock.pass_by(100 * DAY)
    await office.context.set_aside.trim(office.clock())
    assert await office.parked() == {}


async def test_what_an_earlier_version_took_up_again_does_not_count_for_good(office: Office, keyring: Keyring) -> None:
    inbox = Inbox(office.connection, keyring, most=MostKept(quarantined=100))
    for number in range(100):
        await inbox.accept(f"d{number}", SCHOOLSCAN, "lakeside", b"x", office.clock(), unreadable="is no JSON")
    await office.connection.ask(office.redis.hset("remedy:inbox:d7", "state", "done"))
    await office.context.set_aside.trim(office.clock())
    assert await inbox.accept("d100", SCHOOLSCAN, "lakeside", b"x", office.clock(), unreadable="is no JSON")


async def test_a_full_redis_lets_what_is_over_its_time_go(office: Office) -> None:
    await office.context.inbox.accept("bad", SCHOOLSCAN, "lakeside", b"x", office.clock(), unreadable="is no JSON")
    await deliver(office, "fnd_91")
    await office.work()
    office.clock.pass_by(100 * DAY)
    await office.redis.config_set("maxmemory", 1)
    try:
        assert len(await office.context.set_aside.trim(office.clock())) == 2
    finally:
        await office.redis.config_set("maxmemory", 0)
    assert await office.parked() == {}
    assert {what for what, *_ in await told_of(office)} == {"quarantined", "not_found"}
