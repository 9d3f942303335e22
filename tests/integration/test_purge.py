"""A request for deletion is answered: all of a case, a finding or a district goes, and the audit stays whole."""

import json
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from structlog.testing import capture_logs

from remediation.deliveries.events import SCHOOLSCAN
from remediation.deliveries.jira import JIRA
from remediation.domain.cases.records import CaseKey
from remediation.domain.errors import StoreUnavailable
from remediation.domain.tickets import Reason, TicketState
from remediation.mapping.config.schema import Mappings
from remediation.mapping.reading.loading import loaded_of
from remediation.operations.purging.deletion import Deletion, PurgeResult
from remediation.operations.purging.survey import PurgeSurvey, survey
from remediation.operations.stores import OperationStores
from remediation.redis_address import RedisAddress, RedisSignIn
from remediation.sealing import Keyring, generate_key
from remediation.store.activity.hours import ActivityStep
from remediation.store.audit.entries import AuditAct
from remediation.store.audit.names import AuditNames
from remediation.store.audit.trail import AuditTrail
from remediation.store.deliveries.inbox import DeliveryState, Inbox
from remediation.store.districts import DistrictForgetting
from remediation.store.keys import AUDIT_COPY, AUDIT_WAITING, INBOX, SECRETS, SIGNED_TIMES, TOLD
from remediation.store.server.clock import SharedClock
from remediation.store.server.connection import Connection
from remedy.purge.report import elsewhere_lines
from remedy.purge.target import Choice, target_of
from remedy.runtime.assembly import open_connection
from remedy.runtime.auditing import CommandAudit
from tests.integration.offices import KEY
from tests.integration.telling import jira_body
from tests.integration.test_feeds import key_of
from tests.integration.test_forgetting import AUDIT, digest, full_case, words_of
from tests.integration.test_identities import FIRST, HOME, SECOND, Room, own
from tests.integration.test_relations import FIGHT, MAPPINGS, School
from tests.integration.traces import naming


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    with capture_logs():
        yield


@pytest.fixture
def school(connection: Connection, keyring: Keyring) -> School:
    return School(connection, keyring)


def written() -> Mappings:
    return loaded_of(MAPPINGS, "mappings.yaml").mappings


class Clerk:
    """Answers requests for deletion; `naps` are how long it waited for workers."""

    def __init__(self, connection: Connection, keyring: Keyring) -> None:
        clock = SharedClock(connection)
        audit = CommandAudit(connection, keyring, clock)
        self.stores = OperationStores(audit, clock, connection, keyring)
        self.naps: list[float] = []

    async def found(self, choice: Choice) -> PurgeSurvey:
        target = await target_of(choice, written, self.stores.connection)
        return await survey(target, self.stores)

    async def purge(self, choice: Choice) -> PurgeResult:
        return await Deletion(self.stores, "officer", choice.text, sleep=self.nap).carry_out(await self.found(choice))

    async def nap(self, seconds: float) -> None:
        self.naps.append(seconds)

    async def acts(self) -> list[tuple[str, str]]:
        """What the audit has of people, each with its case or piece."""
        lines = [line.entry async for line in self.stores.audit.trail.lines()]
        return [(entry.act, entry.case or entry.piece) for entry in lines if entry.by == "officer"]


@pytest.fixture
def clerk(connection: Connection, keyring: Keyring) -> Clerk:
    return Clerk(connection, keyring)


async def decided_case(school: School, name: str) -> CaseKey:
    """The same, and who closed its tickets rests sealed in the audit."""
    key = await full_case(school, name)
    await school.context.parked.replay(f"{key.ref}/patch:resolved", school.clock())
    await school.later()
    return key


def noticed(finding: str) -> bytes:
    return json.dumps({"id": "evt", "type": "finding.critical", "data": {"finding_id": finding}}).encode()


async def test_a_finding_goes_with_its_deliveries_and_names_and_the_audit_stays_whole(
    school: School, clerk: Clerk, keyring: Keyring
) -> None:
    key, inbox = await decided_case(school, "fnd_zz9"), school.context.inbox
    other = await decided_case(school, "fnd_beside")
    record = await school.record(key)
    now = school.clock()
    assert await inbox.accept("d1", SCHOOLSCAN, "lakeside", noticed(key.id), now)
    assert await inbox.accept("d2", SCHOOLSCAN, "lakeside", b'{"fnd_zz9": ', now, unreadable="is no JSON")
    assert await inbox.accept("d3", SCHOOLSCAN, "lakeside", noticed("fnd_zz90"), now)
    assert await inbox.accept("d4", JIRA, "jira", jira_body(school.jira.of(key.mark)[0]), now)
    assert await inbox.accept("d5", SCHOOLSCAN, "lakeside", b"fnd_zz90", now, unreadable="is no JSON")
    sealed_elsewhere = Inbox(school.connection, Keyring.parse(generate_key()))
    assert await sealed_elsewhere.accept("d6", SCHOOLSCAN, "lakeside", noticed(key.id), now)
    choice = Choice(finding=key.id, district="lakeside")
    there = await clerk.found(choice)
    assert there.target.refs == (key.ref,)
    assert there.tickets == tuple(sorted((link.tracker, link.ticket_key) for link in record.links.values()))
    assert (there.deliveries.waiting, there.deliveries.set_aside, there.deliveries.sealed) == (["d1", "d4"], ["d2"], 1)
    assert there.lines.with_names
    deleted = await clerk.purge(choice)
    assert (deleted.cases, deleted.deliveries, deleted.held) == (1, 3, [])
    assert deleted.names == there.lines.with_names
    assert (await naming(school.connection, words_of(record))).keys() <= AUDIT
    states = [await inbox.state(name) for name in ("d1", "d2", "d3", "d4", "d5", "d6")]
    shredded = DeliveryState.DISCARDED
    quarantined, received = DeliveryState.QUARANTINED, DeliveryState.RECEIVED
    assert states == [shredded, shredded, received, shredded, quarantined, received]
    assert not await school.connection.ask(school.redis.hexists(f"{INBOX}d1", "body"))
    trail = AuditTrail.sealed_by(school.connection, keyring)
    assert (await trail.verify()).is_whole
    kept = [line async for line in trail.lines() if line.sealed]
    assert {line.entry.case for line in kept} == {other.ref}, "names in other lines stay"
    assert [trail.keys.open(line.sealed, line.entry) for line in kept]
    acts = await clerk.acts()
    assert acts[0] == (AuditAct.PURGE, "")
    assert sorted(acts[1:]) == [
        *((AuditAct.DISCARDED, f"delivery/{name}") for name in ("d1", "d2", "d4")),
        (AuditAct.PURGED, key.ref),
    ]
    assert not (await clerk.found(choice)).is_anything, "there is nothing left to delete"


async def test_a_deletion_that_was_killed_anywhere_is_ended_by_the_next(
    school: School, clerk: Clerk, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = await full_case(school, "fnd_zz9")
    record = await school.record(key)
    await school.context.inbox.accept("d1", SCHOOLSCAN, "lakeside", noticed(key.id), school.clock())
    choice, connection = Choice(case=key.ref), school.connection
    ran, run, steps = 0, connection.run, 0

    async def dying(name: str, *args: str | bytes | float) -> object:
        nonlocal ran
        answer = await run(name, *args)
        ran += 1
        if ran > steps:
            raise StoreUnavailable("killed")
        return answer

    for most in range(0, 60, 3):
        ran, steps = 0, most
        with monkeypatch.context() as patched:
            patched.setattr(connection, "run", dying)
            try:
                await clerk.purge(choice)
                break
            except StoreUnavailable:
                continue
    await clerk.purge(choice)
    assert steps < 57
    assert (await naming(connection, words_of(record))).keys() <= AUDIT
    assert not (await clerk.found(choice)).is_anything
    assert (await clerk.stores.audit.trail.verify()).is_whole
    assert [act for act in await clerk.acts() if act == (AuditAct.PURGED, key.ref)] == [(AuditAct.PURGED, key.ref)]


async def test_a_case_that_a_worker_looks_at_is_waited_for_and_then_told(school: School, clerk: Clerk) -> None:
    key = await full_case(school, "fnd_zz9")
    await school.mark(key)
    assert await school.context.todo.take(key.ref, school.clock())
    deleted = await clerk.purge(Choice(case=key.ref))
    assert deleted.held == [key.ref]
    assert sum(clerk.naps) >= 30
    assert await school.context.todo.is_known(key.ref)


async def test_an_incident_goes_with_all_that_its_feed_told(school: School, clerk: Clerk) -> None:
    await school.reported(FIGHT)
    key = key_of(FIGHT)
    school.jira.change(school.ticket_of().id, TicketState.DONE, Reason.FIXED, by="ana")
    await school.mark(key)
    await school.work()
    record = await school.record(key)
    deleted = await clerk.purge(Choice(case=key.ref))
    assert deleted.counts["incidents"] == 2
    assert (await naming(school.connection, words_of(record))).keys() <= AUDIT


async def test_one_finding_leaves_the_case_of_its_identity_to_the_others(
    connection: Connection, keyring: Keyring, clerk: Clerk
) -> None:
    await connection.begin(0.001)
    room = Room(connection, keyring)
    room.find(FIRST, SECOND)
    await room.told_of(FIRST, SECOND)
    record = await room.home()
    listed = elsewhere_lines(await clerk.found(Choice(finding=FIRST.id, district="lakeside")))[0]
    assert listed.startswith(f"ticket {record.links['jira'].ticket_key} in jira is of several findings")
    await clerk.purge(Choice(finding=FIRST.id, district="lakeside"))
    assert (await naming(connection, [FIRST.id])).keys() <= AUDIT
    assert (await room.home()).members.keys() == {SECOND.id}
    there = await clerk.found(Choice(finding=SECOND.id, district="lakeside"))
    assert there.target.refs == (own(SECOND).ref, HOME.ref), "the last one takes it along"
    assert not there.shared
    await clerk.purge(Choice(finding=SECOND.id, district="lakeside"))
    assert (await naming(connection, [SECOND.id, *words_of(record)])).keys() <= AUDIT


async def test_a_case_of_an_identity_goes_with_all_its_findings(
    connection: Connection, keyring: Keyring, clerk: Clerk
) -> None:
    await connection.begin(0.001)
    room = Room(connection, keyring)
    room.find(FIRST, SECOND)
    await room.told_of(FIRST, SECOND)
    record = await room.home()
    deleted = await clerk.purge(Choice(case=own(FIRST).ref))
    assert deleted.cases == 3
    words = [FIRST.id, SECOND.id, *words_of(record)]
    assert (await naming(connection, words)).keys() <= AUDIT


async def test_a_district_goes_with_all_it_ever_had_and_another_stays(
    school: School, clerk: Clerk, keyring: Keyring
) -> None:
    await full_case(school, "fnd_zz9")
    await school.reported(FIGHT)
    connection, redis = school.connection, school.redis
    there = CaseKey("harbor", KEY.kind, "fnd_zz9")
    school.accounts["harbor"] = school.source
    await school.mark(there)
    await school.context.inbox.accept("d1", SCHOOLSCAN, "lakeside", b"x", school.clock(), unreadable="is no JSON")
    await school.context.inbox.accept("d2", SCHOOLSCAN, "harbor", b"x", school.clock(), unreadable="is no JSON")
    await connection.ask(redis.hset("remedy:scan:lakeside:scan:scn_1", mapping={"id": "scn_1", "state": "done"}))
    await connection.ask(redis.sadd(SIGNED_TIMES, "lakeside", "harbor"))
    await connection.ask(redis.hset(f"{SECRETS}schoolscan/lakeside", "since:ab", "1"))
    await connection.ask(redis.hset("remedy:districts", mapping={"lakeside": "1", "harbor": "1"}))
    for system in ("schoolscan:lakeside/read", "schoolscan:harbor/read"):
        await connection.ask(redis.hset(f"remedy:budget:{system}", "limit", "300"))
        await connection.ask(redis.zadd(f"remedy:budget-out:{system}", {"a request": 1}))
        await connection.ask(redis.sadd("remedy:budgets", system))
    await connection.ask(redis.sadd("remedy:tracker-budgets", "jira/rule-1"))
    await connection.ask(redis.hset("remedy:budget-turns:jira/rule-1", mapping={"0:lakeside": "1", "-5:lakeside": "1"}))
    await connection.ask(redis.hset("remedy:budget-turns:jira/rule-1", "0:harbor", "1"))
    for step in ActivityStep:
        latest = step.number_at(time.time())
        for number in (latest, latest - int(step.kept("lakeside").total_seconds()) // step.value):
            for district in ("lakeside", "harbor"):
                await connection.ask(redis.hset(step.key(number, district), "look:settled", "1"))
    assert await DistrictForgetting(connection).is_named("lakeside")
    before = await naming(connection, ["harbor"])
    deleted = await clerk.purge(Choice(district="lakeside"))
    assert (deleted.cases, deleted.held) == (2, [])
    assert deleted.rest["activity"] == 4
    assert {"scans", "feeds", "senders", "names", "incidents"} <= deleted.rest.keys() | deleted.counts.keys()
    left = await naming(connection, ["lakeside"])
    fingerprints = {name for name in left if name.startswith(INBOX)}
    assert left.keys() - AUDIT - fingerprints == set()
    assert {name: words for name, words in (await naming(connection, ["harbor"])).items() if name not in AUDIT} == {
        name: words for name, words in before.items() if name not in AUDIT
    }
    assert (await clerk.acts())[-1] == (AuditAct.PURGED, "lakeside")


async def test_names_are_taken_out_beside_a_trail_that_goes_on(
    school: School, keyring: Keyring, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = await decided_case(school, "fnd_zz9")
    trail, names = AuditTrail.sealed_by(school.connection, keyring), AuditNames(school.connection)
    await trail.chain(school.clock())
    swap, added = AuditNames._swap, 0

    async def beside(names: AuditNames) -> bool:
        nonlocal added
        if added < 3:
            added += 1
            await trail.note_rules(f"{added:064}", school.clock())
            await trail.chain(school.clock())
        return await swap(names)

    monkeypatch.setattr(AuditNames, "_swap", beside)
    assert await names.delete(lambda ref: ref == key.ref)
    assert added == 3
    assert (await names.lines_about(lambda ref: ref == key.ref)).with_names == 0
    assert (await trail.verify()).is_whole
    assert not await school.redis.exists(AUDIT_COPY)
    assert await names.delete(lambda ref: ref == key.ref) == 0
    assert not await school.redis.exists(AUDIT_COPY), "nothing to take out leaves no copy"
    assert await school.redis.ttl("remedy:audit-trail") == -1


async def test_names_stay_where_lines_are_deleted_meanwhile_until_the_copy_has_the_same(
    school: School, keyring: Keyring, monkeypatch: pytest.MonkeyPatch
) -> None:
    trail, names = AuditTrail.sealed_by(school.connection, keyring), AuditNames(school.connection)
    await school.found("fnd_early")
    await trail.chain(school.clock())
    school.clock.pass_by(10)
    key = await decided_case(school, "fnd_zz9")
    await trail.chain(school.clock())
    lines = [line async for line in trail.lines()]
    swap, trimmed = AuditNames._swap, False

    async def beside(names: AuditNames) -> bool:
        nonlocal trimmed
        if not trimmed:
            trimmed = True
            assert await trail.trim(lines[0].entry.at / 1000 + 5, school.clock())
        return await swap(names)

    monkeypatch.setattr(AuditNames, "_swap", beside)
    assert await names.delete(lambda ref: ref == key.ref)
    assert trimmed
    assert (await trail.verify()).is_whole
    assert (await names.lines_about(lambda ref: ref == key.ref)).with_names == 0


async def test_the_ids_of_tickets_are_told_again_after_the_case_is_gone(school: School, clerk: Clerk) -> None:
    key = await full_case(school, "fnd_zz9")
    before = (await clerk.found(Choice(case=key.ref))).tickets
    await clerk.purge(Choice(case=key.ref))
    assert before
    assert set((await clerk.found(Choice(case=key.ref))).tickets) == set(before)


async def test_what_comes_back_by_its_ticket_is_deleted_by_the_next_run(school: School, clerk: Clerk) -> None:
    key = await full_case(school, "fnd_zz9")
    await clerk.purge(Choice(case=key.ref))
    (ticket,) = school.jira.of(key.mark)
    assert await school.context.inbox.accept(
        "d9", JIRA, "jira", jira_body(replace(ticket, id="1", key="SEC-1")), school.clock()
    )
    await school.work()
    await school.later()
    assert len([*school.snow.of(key.mark), *school.jira.of(key.mark)]) == 2, "no second ticket"
    assert (await clerk.purge(Choice(case=key.ref))).cases == 1
    assert (await naming(school.connection, [key.ref])).keys() <= AUDIT


async def test_an_open_finding_that_is_not_deleted_elsewhere_comes_back_to_its_own_tickets(
    school: School, clerk: Clerk
) -> None:
    key = replace(KEY, id="fnd_zz9")
    await school.found(key.id)
    tickets = {ticket.id for ticket in (*school.snow.of(key.mark), *school.jira.of(key.mark))}
    await clerk.purge(Choice(case=key.ref))
    await school.mark(key)
    await school.later()
    await school.later()
    assert {link.ticket_id for link in (await school.record(key)).links.values()} == tickets
    assert len([*school.snow.of(key.mark), *school.jira.of(key.mark)]) == 2


async def test_an_entry_of_an_index_to_which_no_row_leads_goes_too(school: School, clerk: Clerk) -> None:
    key = replace(KEY, id="fnd_zz9")
    await school.found(key.id)
    record = await school.record(key)
    await school.connection.ask(school.redis.hdel(f"remedy:case:{key.ref}", "link:jira", "tie:jira"))
    deleted = await clerk.purge(Choice(case=key.ref))
    assert deleted.counts["tickets"] == 2
    left = await naming(school.connection, [key.ref])
    assert left.keys() <= AUDIT
    assert record.links


async def test_what_an_earlier_version_kept_of_its_tickets_goes_too(school: School, clerk: Clerk) -> None:
    key = replace(KEY, id="fnd_zz9")
    await school.found(key.id)
    for name, field in (("tickets", "before/1"), ("seen", "before/1"), ("ticket-keys", "SEC-99")):
        value = "7" if name == "seen" else key.ref
        await school.connection.ask(school.redis.hset(f"remedy:{name}:jira", field, value))
    await school.connection.ask(school.redis.xadd(f"remedy:timeline:{key.ref}", {"kind": "settled", "is": "{}"}))
    await clerk.purge(Choice(case=key.ref))
    words: list[str | bytes] = [key.ref, digest("before/1"), "SEC-99"]
    assert (await naming(school.connection, words)).keys() <= AUDIT


async def test_a_timeline_of_a_related_incident_is_what_stays(school: School, clerk: Clerk) -> None:
    await school.found("fnd_zz9")
    await school.reported(FIGHT)
    await school.later()
    await clerk.purge(Choice(finding="fnd_zz9"))
    left = (await naming(school.connection, ["fnd_zz9"])).keys() - AUDIT - {AUDIT_WAITING}
    assert left == {TOLD + key_of(FIGHT).ref}


async def test_a_user_who_may_not_rename_is_told_that_names_stay_and_all_else_goes(
    school: School, clerk: Clerk, keyring: Keyring, redis_url: str
) -> None:
    key = await decided_case(school, "fnd_zz9")
    redis: Any = school.redis
    await redis.execute_command("ACL", "SETUSER", "officer", "on", ">test-only", "~*", "&*", "+@all", "-rename")
    address = replace(RedisAddress.parse(redis_url), sign_in=RedisSignIn("officer", "test-only"))
    try:
        async with open_connection(address, socket_timeout=5.0, retries=0) as connection:
            other = Clerk(connection, keyring)
            deleted = await other.purge(Choice(case=key.ref))
            assert (deleted.names_refused, deleted.names, deleted.cases) == (True, 0, 1)
            there = await other.found(Choice(case=key.ref))
        assert there.lines.with_names
        assert (await clerk.stores.audit.trail.verify()).is_whole
        assert (await clerk.purge(Choice(case=key.ref))).names == there.lines.with_names
    finally:
        await redis.execute_command("ACL", "DELUSER", "officer")
