"""A case that is deleted leaves nothing: no key, field, member or value in Redis names it any more."""

import hashlib
from dataclasses import replace

import pytest
from structlog.testing import capture_logs

from remediation.domain.cases.records import CaseKey, CaseRecord
from remediation.domain.errors import Refused, TryLater
from remediation.domain.tickets import Reason, TicketState
from remediation.sealing import Keyring
from remediation.store.audit.chain import waiting
from remediation.store.audit.entries import AuditAct, AuditEntry
from remediation.store.audit.trail import AuditTrail
from remediation.store.cases.forgetting import CaseForgetting, ForgetOutcome, ForgottenCase, Traces
from remediation.store.keys import AUDIT_TRAIL, AUDIT_WAITING, CASE, CASE_LISTS, INDEX, LIVING, PARKED, SHREDDED, TOLD
from remediation.store.server.connection import Connection
from tests.integration.offices import KEY
from tests.integration.test_feeds import key_of
from tests.integration.test_identities import FIRST, HOME, SECOND, Room, own
from tests.integration.test_relations import FIGHT, School
from tests.integration.traces import naming

AUDIT = {AUDIT_TRAIL, AUDIT_WAITING}
"""Lines of the audit stay: to delete one would break the chain."""


@pytest.fixture
def school(connection: Connection, keyring: Keyring) -> School:
    return School(connection, keyring)


def digest(ticket_id: str) -> bytes:
    """What the index of tickets has of an id."""
    return hashlib.sha1(ticket_id.encode(), usedforsecurity=False).digest()[:8]


def words_of(record: CaseRecord) -> list[str | bytes]:
    """All that names a case: its reference, its id, and its tickets."""
    named: list[str | bytes] = [record.key.ref, record.key.id]
    for link in record.links.values():
        named += [link.ticket_key, digest(link.ticket_id), digest(link.ticket_key.upper())]
    return named


async def forgotten(connection: Connection, key: CaseKey, audit: bytes = b"") -> ForgottenCase:
    """The case is forgotten; before that, the same is counted."""
    forgetting = CaseForgetting(connection)
    traces = (await forgetting.traces(lambda ref: ref == key.ref)).get(key.ref, Traces())
    counted = await forgetting.counted(key.ref, traces=traces)
    done = await forgetting.forget(key.ref, traces=traces, audit=audit)
    assert done == counted
    return done


async def full_case(school: School, name: str) -> CaseKey:
    """A finding with tickets and a timeline; one action is parked, one was replayed, and it waits for a system."""
    key = replace(KEY, id=name)
    await school.found(name)
    refusal = Refused("schoolscan:lakeside", "not allowed", status=403)
    school.source.troubles.once("update_finding", refusal, refusal)
    for tracker in (school.snow, school.jira):
        tracker.change(tracker.of(key.mark)[0].id, TicketState.DONE, Reason.FIXED, by="ana")
    await school.mark(key)
    await school.work()
    await school.context.parked.replay(f"{key.ref}/patch:resolved", school.clock())
    await school.work()
    school.source.troubles.once("finding", TryLater("schoolscan:lakeside", "busy", status=503))
    await school.mark(key)
    await school.work()
    await school.connection.ask(school.redis.zadd("remedy:appointments", {key.ref: 1_900_000_000_000}))
    return key


async def test_a_case_with_all_that_it_can_have_leaves_nothing(school: School) -> None:
    other = await full_case(school, "fnd_beside")
    key = await full_case(school, "fnd_zz9")
    record = await school.record(key)
    before = await naming(school.connection, words_of(record))
    beside = await naming(school.connection, words_of(await school.record(other)))
    assert {CASE + key.ref, PARKED, "remedy:appointments"} <= before.keys()
    assert any(name.startswith("remedy:spot:") for name in before)
    done = await forgotten(school.connection, key)
    assert done.outcome is ForgetOutcome.FORGOTTEN
    kinds = {"rows", "timelines", "lists", "tickets", "parked", "waiting", "relations", "jobs", "counters"}
    assert done.counts.keys() == kinds
    assert (await naming(school.connection, words_of(record))).keys() <= AUDIT
    assert await naming(school.connection, words_of(await school.record(other))) == beside, "the other one has all"
    assert await forgotten(school.connection, key) == ForgottenCase(ForgetOutcome.UNKNOWN), "a repetition does no harm"
    assert await school.connection.ask(school.redis.hget(SHREDDED, "count"))


async def test_a_case_that_a_worker_looks_at_is_left_until_the_look_is_over(school: School) -> None:
    key = await full_case(school, "fnd_zz9")
    await school.mark(key)
    lease = await school.context.todo.take(key.ref, school.clock())
    assert lease is not None
    before = await naming(school.connection, [key.ref])
    assert await CaseForgetting(school.connection).forget(key.ref) == ForgottenCase(ForgetOutcome.HELD)
    assert await naming(school.connection, [key.ref]) == before
    assert await school.context.todo.put_off(lease, school.clock() + 60, school.clock())
    await school.context.todo.let_go(lease)
    assert (await forgotten(school.connection, key)).outcome is ForgetOutcome.FORGOTTEN
    assert not await school.context.todo.renew(lease), "whoever had it before writes nothing"
    assert (await naming(school.connection, [key.ref])).keys() <= AUDIT


async def test_the_line_of_the_audit_is_added_once_and_only_with_a_deletion(school: School, keyring: Keyring) -> None:
    key = await full_case(school, "fnd_zz9")
    trail = AuditTrail.sealed_by(school.connection, keyring)
    line = waiting(AuditEntry(AuditAct.PURGED, 5, case=key.ref), trail.keys)
    waits = await school.redis.xlen(AUDIT_WAITING)
    for _ in range(3):
        await CaseForgetting(school.connection).forget(key.ref, audit=line)
    assert await school.redis.xlen(AUDIT_WAITING) == waits + 1


async def test_sums_over_cases_forget_it_too(school: School) -> None:
    key = replace(KEY, id="fnd_zz9")
    await school.found(key.id)
    assert await school.redis.exists(LIVING, CASE_LISTS) == 2
    await forgotten(school.connection, key)
    assert await school.redis.exists(LIVING) == 0
    lists = await school.connection.ask(school.redis.hkeys(CASE_LISTS))
    assert lists == [b""], "but how many lists there ever were"
    counts = await school.connection.ask(school.redis.hgetall(f"{INDEX}jira"))
    assert counts[b"tickets:"] == b"0"


async def test_an_incident_goes_with_what_its_feed_showed_and_what_was_decided(school: School) -> None:
    await school.reported(FIGHT)
    key = key_of(FIGHT)
    school.jira.change(school.ticket_of().id, TicketState.DONE, Reason.FIXED, by="ana")
    await school.mark(key)
    await school.work()
    record = await school.record(key)
    done = await forgotten(school.connection, key)
    assert (done.counts["incidents"], done.counts["decisions"]) == (2, 1)
    assert (await naming(school.connection, words_of(record))).keys() <= AUDIT


async def test_a_related_incident_keeps_in_its_timeline_of_what_it_was_told_and_nothing_else(school: School) -> None:
    await school.found("fnd_zz9")
    await school.reported(FIGHT)
    await school.later()
    key = replace(KEY, id="fnd_zz9")
    assert (await forgotten(school.connection, key)).counts["relations"] == 1
    left = await naming(school.connection, [key.ref, key.id])
    assert left.keys() <= AUDIT | {TOLD + key_of(FIGHT).ref}, "its timeline says about which finding it was told"
    await school.reported(replace(FIGHT, offenses=("2",)))
    assert (await naming(school.connection, [key.ref])).keys() <= AUDIT, "the incident does not bring it back"


async def test_what_happens_to_its_tickets_afterwards_makes_a_new_case_and_no_second_ticket(school: School) -> None:
    key = await full_case(school, "fnd_zz9")
    await forgotten(school.connection, key)
    school.source.forget(key.id)
    await school.later()
    assert await school.context.todo.record(key.ref) is None, "no appointment, no waiting system brings it back"
    await school.mark(key)
    await school.later()
    assert len([*school.snow.of(key.mark), *school.jira.of(key.mark)]) == 2
    assert (await forgotten(school.connection, key)).outcome is ForgetOutcome.FORGOTTEN
    assert (await naming(school.connection, [key.ref])).keys() <= AUDIT


async def test_an_incident_that_its_feed_still_shows_comes_back_with_its_own_ticket(school: School) -> None:
    await school.reported(FIGHT)
    await forgotten(school.connection, key_of(FIGHT))
    await school.reported(FIGHT)
    (ticket,) = school.jira.of(key_of(FIGHT).mark)
    assert (await school.record(key_of(FIGHT))).links["jira"].ticket_id == ticket.id


async def test_what_the_row_does_not_lead_to_is_found_key_by_key(school: School) -> None:
    key = replace(KEY, id="fnd_zz9")
    await school.found(key.id)
    redis = school.redis
    await school.connection.ask(redis.set(f"remedy:replays:{key.ref}/comment:jira:conflict", 1))
    await school.connection.ask(redis.set(f"remedy:replays:{key.ref}9/comment:jira:conflict", 1))
    await school.connection.ask(redis.delete(CASE + key.ref))
    traces = await CaseForgetting(school.connection).traces(lambda ref: ref == key.ref)
    assert traces[key.ref].actions == ("comment:jira:conflict",)
    assert len(traces[key.ref].spots) == 1
    assert (await forgotten(school.connection, key)).counts.keys() >= {"counters", "relations", "timelines"}
    assert await naming(school.connection, [f"{key.ref}/"]) == {}
    assert await redis.exists(f"remedy:replays:{key.ref}9/comment:jira:conflict")


async def test_of_a_case_of_an_identity_the_findings_go_first_and_each_by_itself(
    connection: Connection, keyring: Keyring
) -> None:
    with capture_logs():
        await connection.begin(0.001)
        room, forgetting = Room(connection, keyring), CaseForgetting(connection)
        room.find(FIRST, SECOND)
        await room.told_of(FIRST, SECOND)
        record = await room.home()
        assert await forgetting.forget(HOME.ref) == ForgottenCase(ForgetOutcome.MEMBERS)
        kin = await forgetting.kin(HOME.ref)
        assert kin.members == ((own(FIRST).ref, FIRST.id), (own(SECOND).ref, SECOND.id))
        assert (await forgetting.kin(own(FIRST).ref)).home == HOME.ref
        assert (await forgotten(connection, own(FIRST))).counts["memberships"] == 1
        assert (await naming(connection, [FIRST.id])).keys() <= AUDIT, "the case that stays does not name it either"
        await room.look_home()
        assert len(room.all_tickets()) == 2
        await connection.ask(room.redis.delete(CASE + own(SECOND).ref))
        traces = (await forgetting.traces(lambda ref: ref == own(SECOND).ref))[own(SECOND).ref]
        done = await forgetting.forget(own(SECOND).ref, traces=traces, home=HOME.ref, finding=SECOND.id)
        assert done.counts["memberships"] == 1, "also where its own row is gone"
        await forgotten(connection, HOME)
        assert (await naming(connection, [SECOND.id, *words_of(record)])).keys() <= AUDIT


async def test_a_finding_is_not_taken_out_of_a_case_that_a_worker_looks_at(
    connection: Connection, keyring: Keyring
) -> None:
    with capture_logs():
        await connection.begin(0.001)
        room = Room(connection, keyring)
        await room.told_of(FIRST)
        await room.context.todo.mark([(HOME, None)], room.clock())
        assert await room.context.todo.take(HOME.ref, room.clock())
        outcome = await CaseForgetting(connection).forget(own(FIRST).ref)
    assert outcome == ForgottenCase(ForgetOutcome.HELD)
