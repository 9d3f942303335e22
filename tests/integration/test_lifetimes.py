"""Everything that a run leaves in Redis has a lifetime, proven by moving the clock over every key of it.

Redis's own clock is moved by shortening what is left of each key's time. What stays is what docs/redis-keys.md names,
each with its reason, and none of it tells of the run.
"""

import base64
import json
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from structlog.testing import capture_logs

from remediation.deliveries.events import SCHOOLSCAN, DeliveryLimit
from remediation.domain.cases.records import CaseKey, CaseKind
from remediation.domain.drills import DRILL_PREFIX
from remediation.domain.errors import KeyMissing, Refused, TryLater, Waiting
from remediation.domain.findings import Finding
from remediation.domain.status import Status
from remediation.domain.tickets import Reason, Risk, TicketState
from remediation.mapping.config.notifying import NotifyChannel
from remediation.outbound.channels import SendOutcome, SendResult
from remediation.outbound.metering import SaidLimit
from remediation.queue import IN_PROGRESS_PREFIX, UPKEEP_QUEUE
from remediation.read_model.answers.wire import CaseSubject, subject_bytes
from remediation.sealing import Keyring
from remediation.sources.schoolscan.client import system_of
from remediation.store.activity.hours import ActivityWriter
from remediation.store.audit.entries import AuditAct, AuditEntry
from remediation.store.audit.standing import note_bends
from remediation.store.audit.verifying import BendKind
from remediation.store.budgets.learned import Spent, ToldLimit, budget_of
from remediation.store.budgets.trackers import SentRequests
from remediation.store.console.attempts import ConsoleAttempts, RefusalSeen
from remediation.store.console.questions import QuestionKind
from remediation.store.console.selections import SelectedAct, Selections
from remediation.store.console.sessions import ConsoleIdentity, ConsoleSessions, SessionSpan
from remediation.store.deliveries.heard import HeardDeliveries
from remediation.store.deliveries.inbox import Arrival
from remediation.store.deliveries.parked import ParkedKind
from remediation.store.deliveries.readings import scan_ref
from remediation.store.deliveries.refused import RefusalKind, RefusedLog
from remediation.store.deliveries.set_aside import SetAsideLimits
from remediation.store.deliveries.signing import SignedTimes
from remediation.store.drills import Drills
from remediation.store.keys import APART, AUDIT, AUDIT_COPY, SEEN, SET_ASIDE_SEEN, TICKET_KEYS, TICKETS, TIMELINE
from remediation.store.processes import Process, Processes, Turns
from remediation.store.server.connection import Connection
from remediation.store.server.rights import _ARQS, _OURS
from tests.integration.earlier_stores import written
from tests.integration.test_feeds import key_of
from tests.integration.test_relations import FIGHT, SITE, THEFT, School
from tests.named_keys import NAMED, STAYS, name_of
from tests.stand_ins import AccountSources, MemoryTracker, PlainRulebook
from workers.channels import Notifying, OpenChannel
from workers.jobs.boundary import ArqContext
from workers.jobs.deliveries import read_delivery
from workers.jobs.scans import page_scan
from workers.resources import NamedSystems, context_on
from workers.rounds.auditing import keep_audit, trim_audit
from workers.rounds.expiring import forget_cases, forget_unused, give_up_parked
from workers.rounds.feeds import poll_feeds
from workers.rounds.forgetting import forget_incidents
from workers.rounds.notifying import notify
from workers.rounds.polls import poll_trackers
from workers.rounds.sampling import sample_activity
from workers.rounds.trimming import trim_set_aside
from workers.rounds.upkeep import list_earlier_cases, note_districts, release_budgets, sweep
from workers.rounds.verifying import verify_sites

DAY = 86_400.0
ROUNDS: tuple[Callable[[ArqContext], Awaitable[None]], ...] = (
    *(
        sweep,
        release_budgets,
        note_districts,
        list_earlier_cases,
        poll_trackers,
        poll_feeds,
        forget_incidents,
        trim_set_aside,
        verify_sites,
    ),
    *(forget_cases, give_up_parked, forget_unused, keep_audit, trim_audit, notify, sample_activity),
)
NEVER_HERE = {
    *(UPKEEP_QUEUE, IN_PROGRESS_PREFIX, "arq:retry:", "remedy:queue:health-check", "remedy:upkeep:health-check"),
    *(_OURS, _ARQS),
    AUDIT_COPY,  # is there only while a request for deletion takes names out of the trail, and for an hour if it dies
}
"""What only arq itself writes, and what is never written."""

TELLS_AT_ONCE = NotifyChannel.model_validate({"url": {"env": "ONE"}, "after": "1s"})

WORDS = ("lakeside", "fnd_", "scan_1", "evt_", FIGHT.uuid, "snow", "jira", "KEY-", "id-1", "ana", "kold", SITE, "LHS-1")
"""What would tell of the run."""


class Whole(School):
    """A school that has everything. `names` are the names, on the page, of all keys that ever lay in Redis."""

    def __init__(self, connection: Connection, keyring: Keyring) -> None:
        super().__init__(connection, keyring)
        self.keyring = keyring
        self.names: set[str | None] = set()
        self.context = replace(
            self.context,
            set_aside=SetAsideLimits(connection, self.context.audit, most=1),
            rules="4f6d1a90c2",
            notifying=Notifying({"desk": OpenChannel(TELLS_AT_ONCE, self.take)}),
        )

    async def take(self, _title: str, _text: str) -> SendResult:
        """A message is taken."""
        await self.note()
        return SendResult(SendOutcome.SENT)

    async def note(self) -> None:
        """Note what lies in Redis now."""
        async for key in self.redis.scan_iter():
            self.names.add(name_of(key.decode()))

    async def pass_by(self, days: float) -> None:
        """Time passes, here and in Redis."""
        self.clock.pass_by(days * DAY)
        async for key in self.redis.scan_iter():
            left = await self.redis.pttl(key)
            if left >= 0:  # Redis deletes a key whose time is over
                await self.redis.pexpire(key, int(left - days * DAY * 1000))

    async def play(self) -> None:
        """All rounds, and what they call for."""
        for each in ROUNDS:
            await each(self.arq_context)
        await self.work()

    async def deliver(self, name: str, kind: str, **data: str) -> None:
        """A signed delivery is accepted, and read."""
        arrival = Arrival(limit=DeliveryLimit(10.0, 50), signers=("secret-1",))
        body = json.dumps({"id": name, "type": kind, "data": data}).encode()
        await self.context.inbox.accept(name, SCHOOLSCAN, "lakeside", body, self.clock(), arrival=arrival)
        await self.note()
        begun = await self.context.inbox.readings.take_some(name, self.clock())
        await self.note()
        await self.context.inbox.readings.let_go(begun, self.clock(), at_once=True)
        await read_delivery(self.arq_context, name)
        await self.note()

    async def look_at(self, name: str) -> None:
        await self.mark(finding(name))
        await self.work()


def finding(name: str) -> CaseKey:
    return CaseKey("lakeside", CaseKind.FINDING, name)


@pytest.fixture
async def whole(connection: Connection, keyring: Keyring) -> Whole:
    office = Whole(connection, keyring)
    with capture_logs() as logs:
        await run(office)
    assert [line for line in logs if line["log_level"] == "error"] == []
    return office


async def run(office: Whole) -> None:
    """A run that leaves every kind of key: all is well, nothing is, and a person decides."""
    await processes_report(office)
    office.context.tally.add("opened", "lakeside")
    await ActivityWriter(office.connection, office.context.tally).write(office.clock())
    await findings_are_mended(office)
    await incidents_are_reported(office)
    await office.context.scans.note_districts(["lakeside"], office.clock())
    await a_mending_is_to_be_verified(office)
    await a_limit_is_reached(office)
    await systems_refuse(office)
    await what_nobody_can_use_comes(office)
    await a_question_is_asked(office)
    await a_selection_is_begun(office)
    await somebody_looks_at_the_console(office)
    await a_scan_is_listed(office)
    await earlier_versions_wrote(office)
    await office.context.scans.note_districts(["harbor"], office.clock())
    await office.note()
    await office.play()
    office.clock.pass_by(60)
    await notify(office.arq_context)
    await office.note()


async def processes_report(office: Whole) -> None:
    keys = f"{office.keyring.key_ids[0]},kold"
    await Processes(office.connection).tell(Process("pod/1", "worker", "1", 0.0, keys=keys), office.clock())
    await SignedTimes(office.connection).note("lakeside", office.clock(), "secret-1")
    await Turns(office.connection).take("sweep", 2.0, office.clock())


async def findings_are_mended(office: Whole) -> None:
    """One by a person, one is a risk for some days; of both, a tracker is not named for a while."""
    await office.found("fnd_1", "fnd_2", "fnd_3")
    await office.deliver("evt_1", "finding.critical", finding_id="fnd_1")
    await office.work()
    lease = await office.context.todo.take(finding("fnd_1").ref, office.clock())
    assert lease is None, "it is at rest"
    await office.mark(finding("fnd_1"))
    lease = await office.context.todo.take(finding("fnd_1").ref, office.clock())
    assert lease is not None
    await office.note()
    await office.context.todo.put_off(lease, office.clock(), office.clock())
    await office.context.todo.let_go(lease)
    named = office.context
    office.context = replace(named, trackers={"jira": office.jira})
    await office.look_at("fnd_1")
    await office.note()
    office.context = named
    until = datetime.fromtimestamp(office.clock(), UTC) + timedelta(days=20)
    for tracker in (office.snow, office.jira):
        for ticket in tracker.of(finding("fnd_2").mark):
            tracker.accept_risk(ticket.id, Risk("the page goes", until), by="ana")
    await office.look_at("fnd_2")
    await office.note()


async def incidents_are_reported(office: Whole) -> None:
    await office.reported(FIGHT, THEFT)
    for ticket in office.jira.of(key_of(FIGHT).mark):
        office.jira.change(ticket.id, TicketState.DONE, Reason.FIXED, by="ana")
    await office.mark(key_of(FIGHT))
    await office.work()
    await office.note()


async def a_mending_is_to_be_verified(office: Whole) -> None:
    """A site is to be scanned again for a case, and its district's account is of no use meanwhile."""
    await office.mark(finding("fnd_1"))
    lease = await office.context.todo.take(finding("fnd_1").ref, office.clock())
    assert lease is not None
    now = office.clock()
    assert await office.context.verifications.want(lease, SITE, "4d1f6a", now, now)
    await office.note()
    await office.context.todo.put_off(lease, now, now)
    await office.context.todo.let_go(lease)


async def a_limit_is_reached(office: Whole) -> None:
    budgets, budget = office.context.budgets, budget_of(system_of("lakeside"), "write")
    spent = await budgets.spend(budget, finding("fnd_1").ref, office.clock())
    assert isinstance(spent, Spent)
    await office.note()
    await budgets.settle(spent, ToldLimit(60, 0, int(office.clock()) + 30, 30.0), office.clock())
    await office.mark(finding("fnd_1"))
    lease = await office.context.todo.take(finding("fnd_1").ref, office.clock())
    assert lease is not None
    await office.context.todo.put_off(lease, office.clock() + 90, office.clock(), budget=budget)
    await office.context.todo.let_go(lease)
    await office.note()
    office.clock.pass_by(31)
    await a_tracker_is_limited(office)


async def a_tracker_is_limited(office: Whole) -> None:
    """Two cases wait for it; when there is room again, one of them is woken, and its worker dies."""
    budgets, names = office.context.tracker_limits.budgets, ("jira/rule-1",)
    said = SaidLimit("rule-1", 1, 3600.0, 1, 30.0)
    await budgets.settle([SentRequests(*names, sent=1, said=said, at=office.clock())], office.clock())
    await office.mark(finding("fnd_1"))
    lease = await office.context.todo.take(finding("fnd_1").ref, office.clock())
    assert lease is not None
    await office.context.todo.put_off(lease, office.clock() + 90, office.clock(), budget=names[0])
    await office.context.todo.let_go(lease)
    await office.note()
    office.clock.pass_by(31)
    assert await budgets.reserve(names, "lakeside:finding:fnd_2", "a look", office.clock(), urgent=True)
    await office.note()


async def systems_refuse(office: Whole) -> None:
    office.jira.troubles.for_good("create", TryLater("jira", "away", waiting=Waiting.AWAY))
    await office.found("fnd_4")
    await office.note()
    office.jira.troubles.heal()
    office.jira.troubles.for_good("create", Refused("jira", "no", status=400))
    await office.found("fnd_5")
    await office.context.parked.replay(f"{finding('fnd_5').ref}/open:jira", office.clock())
    await office.work()
    office.jira.troubles.heal()
    office.source.troubles.once("finding", Refused("lakeside", "no", status=403))
    await office.look_at("fnd_6")


async def what_nobody_can_use_comes(office: Whole) -> None:
    await HeardDeliveries(office.connection).listen()
    drill = CaseKey("lakeside", CaseKind.FINDING, f"{DRILL_PREFIX}1")
    await Drills(office.connection).begin(drill, Finding(drill.id, site="remedy-test.invalid"), office.clock())
    refused = RefusalKind("schoolscan", "lakeside", 401, "signature", "hex")
    await RefusedLog(office.connection).note([(refused, 3)], office.clock())
    for name in ("fnd_7", "fnd_8", "fnd_9"):
        await office.deliver(f"evt_{name}", "finding.critical", finding_id=name)
        await office.work()
        office.clock.pass_by(1)
    await office.context.inbox.accept("evt_bad", SCHOOLSCAN, "lakeside", b"x", office.clock(), unreadable="no JSON")
    await office.context.inbox.accept("evt_key", SCHOOLSCAN, "lakeside", b"x", office.clock())
    kind, error = ParkedKind.DELIVERY, KeyMissing("kold")
    await office.context.parked.park(kind, "evt_key", error, office.clock(), district="lakeside")


async def a_selection_is_begun(office: Whole) -> None:
    """Somebody chooses in the console what is parked, and begins to have it done."""
    selections, now = Selections(office.connection), office.clock()
    chosen = await selections.freeze(
        SelectedAct.REPLAY, "ana", "--district lakeside", [f"{finding('fnd_1').ref}/open:jira"], now
    )
    await office.note()
    assert await selections.use(chosen, "ana", now)
    await office.note()


async def a_question_is_asked(office: Whole) -> None:
    """One is answered, and of another one nobody takes notice."""
    for name in ("fnd_1", "fnd_2"):
        subject = subject_bytes(CaseSubject("lakeside", CaseKind.FINDING, name))
        await office.context.questions.ask(QuestionKind.PLAN, subject, "ana", office.clock())
        await office.note()
        if name == "fnd_1":
            await office.work()


async def somebody_looks_at_the_console(office: Whole) -> None:
    sessions = ConsoleSessions(office.connection, office.keyring)
    ana, span = ConsoleIdentity("ana", "link", role="viewer"), SessionSpan(timedelta(minutes=30), timedelta(hours=8))
    await sessions.make_link(ana, b"")
    await sessions.open(ana, span, office.clock(), b"")
    attempts = ConsoleAttempts(office.connection, office.keyring)
    await attempts.may_sign_in("10.0.0.1", office.clock())
    await attempts.refused(RefusalSeen("not_allowed", "ana"), lambda _count: b"", office.clock())
    await office.note()


async def a_scan_is_listed(office: Whole) -> None:
    await office.deliver("evt_scan", "scan.completed", scan_id="scan_1")
    scan = await office.context.scans.take(scan_ref("lakeside", "scan_1"), office.clock())
    assert scan is not None
    await office.note()
    await office.context.scans.mark_page(scan, "next", [], office.clock(), left_out=1)
    await office.context.scans.let_go(scan)
    office.source.troubles.once("findings_page", Refused("lakeside", "no", status=403))
    await page_scan(office.arq_context, scan.ref)
    await office.work()


async def earlier_versions_wrote(office: Whole) -> None:
    redis: Any = office.redis
    ref = finding("fnd_3").ref
    ticket = office.jira.of(finding("fnd_3").mark)[0]
    for key, field, value in ((TICKETS, ticket.id, ref), (SEEN, ticket.id, "v1"), (TICKET_KEYS, ticket.key, ref)):
        await redis.hset(f"{key}jira", field, value)
    await redis.xadd(TIMELINE + ref, {"kind": "settled", "is": '{"at":1.0}'}, id="1-0")
    await redis.hset(APART + ref, "name", "1 ~later")
    await redis.xadd(AUDIT, {"by": "ana"}, id="1-0")
    await redis.set(SET_ASIDE_SEEN, "1")
    await office.note()
    entry = AuditEntry(AuditAct.SEND, int(office.clock() * 1000), by="ana")
    await office.context.trail.note([entry], office.clock())
    await note_bends(office.connection, [BendKind.CHANGED], office.clock())


async def all_is_solved(office: Whole) -> None:
    """People close every ticket, and SchoolScan and the feed have nothing open any more."""
    for name in office.source.findings:
        office.source.set_status(name, Status.RESOLVED)
    for tracker in (office.snow, office.jira):
        for kept in list(tracker.books.values()):
            if kept.ticket.state.is_active:
                tracker.change(kept.ticket.id, TicketState.DONE, Reason.FIXED, by="ana")
    for _ in range(3):
        for name in office.source.findings:
            await office.mark(finding(name))
        await office.mark(key_of(THEFT))
        await office.work()
        await office.pass_by(0.1)
        await office.play()


def name_others(office: Whole) -> None:
    """Another mappings.yaml: nothing of the run is named in it."""
    other = MemoryTracker("other", office.clock)
    named = NamedSystems(AccountSources({"harbor": office.source}), {"other": other}, PlainRulebook("other"))
    office.context = context_on(office.connection, office.keyring, named, office.clock)


def _bytes_in(value: Any) -> bytes:
    match value:
        case dict():
            return b" ".join(_bytes_in(name) + b" " + _bytes_in(each) for name, each in value.items())
        case list():
            return b" ".join(map(_bytes_in, value))
        case str() if value.startswith("base64:"):
            return base64.b64decode(value.removeprefix("base64:"))
        case _:
            return str(value).encode()


async def test_a_run_leaves_every_kind_of_key(whole: Whole) -> None:
    """So none can be forgotten below: a new key is named on the page, and must be left here."""
    assert whole.names == set(NAMED) - NEVER_HERE
    assert set(STAYS) <= whole.names


async def test_nothing_of_a_run_is_left_when_every_time_is_over(whole: Whole) -> None:
    await all_is_solved(whole)
    name_others(whole)
    keys = whole.keyring.key_ids[0]
    for _ in range(40):
        await whole.pass_by(60)
        await Processes(whole.connection).tell(Process("pod/1", "worker", "1", 0.0, keys=keys), whole.clock())
        await whole.play()
    await whole.pass_by(40)
    rows = {row["key"]: row["value"] for row in await written(whole.redis)}
    assert {key: row for key, row in rows.items() if name_of(key, STAYS) is None} == {}
    told = {key: [word for word in WORDS if word.encode() in _bytes_in([key, row])] for key, row in rows.items()}
    assert {key: words for key, words in told.items() if words} == {}
