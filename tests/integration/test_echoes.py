"""Our own writes come back as webhooks, and nothing follows; webhooks that are lost cost time and nothing else."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from receiver.accounts import Account
from remediation.deliveries.signatures import SignatureFormat
from remediation.domain.cases.records import CaseKey, CaseKind
from remediation.domain.findings import DomainType, Finding
from remediation.domain.status import Severity, Status
from remediation.domain.tickets import Draft, Reason, Ticket, TicketState
from remediation.mapping.config.trackers.kinds import sender_named
from remediation.mapping.reading.loading import load_mappings
from remediation.ports import Tracker
from remediation.rulebook import MappingsRulebook
from remediation.sealing import Keyring
from remediation.store.keys import CASE
from remediation.store.server.connection import Connection
from sandbox.wire.server import run_servers
from tests.contract.jira_world import JiraWorld, jira_world
from tests.contract.servicenow_world import ServiceNowWorld, servicenow_world
from tests.integration.offices import KEY, Office
from tests.integration.receivers import Receiver, webhook_secrets
from tests.integration.telling import SECRET, TellingTracker, account_of, deliver
from tests.stand_ins import LATER, ManualClock, RealClock
from workers.jobs.cases import look_at_case
from workers.rounds.polls import poll_trackers

WRITES = frozenset({"create", "resolve", "reopen", "comment", "raise_urgency"})
CALM_LOOKS = 5
"""Looks in a row that find nothing new, before a tracker counts as having told everything."""


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    with capture_logs():
        yield


async def test_a_thousand_of_our_own_writes_come_back_and_nobody_so_much_as_looks(
    connection: Connection, keyring: Keyring
) -> None:
    clock = ManualClock()
    trackers = {f"jira{number}": TellingTracker(f"jira{number}", clock) for number in range(10)}
    office = Office(connection, keyring, trackers=dict(trackers), clock=clock)
    receiver = Receiver(connection, keyring, trackers={name: account_of(name) for name in trackers})
    receiver.clock = clock
    keys = [CaseKey("lakeside", CaseKind.FINDING, f"fnd_{number}") for number in range(1, 11)]
    office.source.findings |= {key.id: replace(office.source.findings["fnd_1"], id=key.id) for key in keys}
    echoes = 0
    for number in range(10):
        for key in keys:
            office.source.set_status(key.id, Status.RESOLVED if number % 2 else Status.OPEN)
            await office.mark(key)
        clock.pass_by(60)
        await office.work()
        told = [(name, body) for name, tracker in trackers.items() for body in tracker.told]
        before = calls(office, trackers)
        answers = await asyncio.gather(*(deliver(receiver, name, body) for name, body in told))
        assert set(answers) == {202}
        assert set(await office.work()) == {"read_delivery"}
        assert calls(office, trackers) == before, "no write, no read, no look"
        assert await office.context.todo.dirty() == 0
        echoes += len(told)
        for tracker in trackers.values():
            tracker.told.clear()
    written = [call for tracker in trackers.values() for call in tracker.troubles.calls if call in WRITES]
    assert (len(written), echoes) == (1_000, 1_000)


def calls(office: Office, trackers: dict[str, TellingTracker]) -> list[int]:
    """How often the finding's source and each tracker were asked for anything."""
    troubles = [office.source.troubles, *(tracker.troubles for tracker in trackers.values())]
    return [len(each.calls) for each in troubles]


async def test_an_echo_that_is_faster_than_we_remember_makes_no_look_but_what_a_person_does_meanwhile_makes_one(
    connection: Connection, keyring: Keyring
) -> None:
    clock = ManualClock()
    jira = TellingTracker("jira", clock)
    office = Office(connection, keyring, trackers={"jira": jira}, clock=clock)
    receiver = Receiver(connection, keyring, trackers={"jira": account_of("jira")})
    await office.look()
    for is_person in (False, True):
        await office.mark()
        lease = await office.context.todo.take(KEY.ref, clock())
        assert lease is not None
        written = jira.change("10000", TicketState.IN_PROGRESS)  # by us, while we hold the case
        await deliver(receiver, "jira", jira.told[-1])
        if is_person:
            jira.change("10000", TicketState.OPEN)
            await deliver(receiver, "jira", jira.told[-1])
        await office.work()
        before = [call for call in jira.troubles.calls if call in WRITES]
        await office.context.todo.settle(lease, lease.record.memory, clock(), seen=[written])
        assert await office.work() == (["look_at_case"] if is_person else [])
        assert [call for call in jira.troubles.calls if call in WRITES] == before
        assert await office.context.todo.dirty() == 0
        assert b"noted" not in await office.connection.ask(office.redis.hkeys(CASE + KEY.ref))


# The same with the real adapters, the sandbox's own webhooks, and a receiver, all over HTTP.


@dataclass
class Bridge:
    """Both trackers of the sandbox with their webhooks, the receiver that takes them, and a worker's context."""

    office: Office
    jira: JiraWorld
    snow: ServiceNowWorld
    heard: int = 0

    def subscribe(self, address: str) -> None:
        """Let both trackers tell the receiver at this address of every change."""
        for name, world, events in (
            ("jira", self.jira, ["jira:issue_created", "jira:issue_updated", "jira:issue_deleted", "comment_created"]),
            ("servicenow", self.snow, ["insert", "update", "delete"]),
        ):
            hook = {"url": f"{address}/webhooks/{name}", "secret": SECRET, "events": events}
            assert world.http.put("/_sandbox/webhook", json=hook).status_code == 204

    def silence(self) -> None:
        """From now on both trackers' webhooks are lost."""
        for world in (self.jira, self.snow):
            assert world.http.delete("/_sandbox/webhook").status_code == 204

    async def told(self, least: int) -> None:
        """Wait until both trackers have told of at least so many changes more, and have nothing to add."""
        deadline, known, calm = time.monotonic() + 10, self.heard, 0
        while time.monotonic() < deadline and (self.heard - known < least or calm < CALM_LOOKS):
            await asyncio.sleep(0.02)
            answers = [each for world in (self.jira, self.snow) for each in self.answers(world)]
            calm = calm + 1 if len(answers) == self.heard else 0
            self.heard = len(answers)
            assert set(answers) <= {202}
        assert self.heard - known >= least

    @staticmethod
    def answers(world: JiraWorld | ServiceNowWorld) -> list[int]:
        return [attempt["status"] for attempt in world.http.get("/_sandbox/deliveries").json()]

    def requests(self) -> list[int]:
        """How many requests the source and each tracker have got."""
        return [len(self.office.source.troubles.calls), len(self.jira.requests()), len(self.snow.requests())]

    def writes(self) -> int:
        return self.jira.writes() + self.snow.writes()

    async def tickets(self) -> dict[str, Ticket]:
        links = (await self.office.record()).links
        return {name: await self.office.trackers[name].read(link.ticket_id) for name, link in links.items()}

    async def close_as_person(self) -> None:
        tickets = await self.tickets()
        self.snow.close_as_person(tickets["servicenow"], Reason.FIXED)
        self.jira.close_as_person(tickets["jira"], Reason.FIXED)


@pytest.fixture
async def bridge(connection: Connection, keyring: Keyring) -> AsyncIterator[Bridge]:
    with jira_world("cloud") as jira, servicenow_world() as snow:
        snow.name = "servicenow"
        trackers: dict[str, Tracker] = {"servicenow": snow.connect(), "jira": jira.connect()}
        rules = load_mappings(Path(__file__).parents[2] / "mappings.yaml")
        clock = RealClock()
        rulebook = MappingsRulebook(rules.mappings)
        office = Office(connection, keyring, trackers=trackers, rulebook=rulebook, clock=clock)
        office.source.findings["fnd_1"] = Finding(
            "fnd_1", Status.OPEN, Severity.CRITICAL, DomainType.DIRECT_PII, detected_at=LATER
        )
        accounts = {
            name: Account(name, webhook_secrets(SECRET), SignatureFormat.AUTO, sender_named(name))
            for name in ("jira", "servicenow")
        }
        receiver = Receiver(connection, keyring, trackers=accounts)
        made = Bridge(office, jira, snow)
        async with run_servers({"receiver": receiver.app}, {}) as addresses:
            made.subscribe(addresses["receiver"])
            yield made
            made.silence()
        for tracker in trackers.values():
            await tracker.close()


async def test_in_real_trackers_too_our_own_writes_come_back_and_change_nothing(bridge: Bridge) -> None:
    office = bridge.office
    for status, told, most in ((Status.OPEN, 2, 0), (Status.RESOLVED, 3, 1), (Status.OPEN, 3, 1)):
        office.source.set_status("fnd_1", status)
        await office.mark()
        await look_at_case(office.arq_context, KEY.ref)
        writes, looks = bridge.writes(), office.source.troubles.calls.count("finding")
        await bridge.told(told)
        ran = await office.work()
        assert "read_delivery" in ran
        assert bridge.writes() == writes
        more = office.source.troubles.calls.count("finding") - looks
        assert more <= most, "a comment tells no version that we know: one look for all that came"
        assert await office.context.todo.dirty() == 0
    assert {name: ticket.state.is_active for name, ticket in (await bridge.tickets()).items()} == {
        "servicenow": True,
        "jira": True,
    }


async def test_a_new_case_with_two_tickets_is_seven_requests_and_its_echoes_are_none(bridge: Bridge) -> None:
    """The finding, a search and a create in each tracker, Jira's link to the finding, and the note."""
    office = bridge.office
    office.source.findings |= {"fnd_2": replace(office.source.findings["fnd_1"], id="fnd_2")}
    before = bridge.requests()
    for key in (replace(KEY, id="fnd_2"), KEY):  # with the first one the worker learns what both sites are
        before = bridge.requests()
        await office.mark(key)
        await look_at_case(office.arq_context, key.ref)
        await bridge.told(2)
        await office.work()
    bridge.jira.wait_searchable()
    assert [now - then for now, then in zip(bridge.requests(), before, strict=True)] == [2, 3, 2]
    await poll_trackers(office.arq_context)
    assert await office.work() == [], "the list shows Jira's issue as it is since our link"


async def test_a_webhook_of_a_create_that_is_faster_than_its_answer_makes_no_look(bridge: Bridge) -> None:
    office, jira = bridge.office, bridge.office.trackers["jira"]
    create, read = jira.create, asyncio.Event()

    async def slow(draft: Draft) -> Ticket:
        ticket = await create(draft)
        await bridge.told(1)
        assert "read_delivery" in await office.work()
        read.set()
        return ticket

    jira.create = slow  # type: ignore[method-assign]
    await office.mark()
    await look_at_case(office.arq_context, KEY.ref)
    assert read.is_set()
    await bridge.told(0)
    await office.work()
    assert office.source.troubles.calls.count("finding") == 1


async def test_what_a_person_does_is_acted_on_by_webhook_alone(bridge: Bridge) -> None:
    await bridge.office.look()
    await bridge.told(2)
    await bridge.office.work()
    await bridge.close_as_person()
    await bridge.told(2)
    await bridge.office.work()
    assert bridge.office.status() is Status.RESOLVED


async def test_with_all_webhooks_lost_the_next_poll_finds_the_change(bridge: Bridge) -> None:
    await bridge.office.look()
    await bridge.told(2)
    await bridge.office.work()
    bridge.silence()
    await bridge.close_as_person()
    assert await bridge.office.work() == []
    assert bridge.office.status() is Status.REVIEWING
    bridge.jira.wait_searchable()
    await poll_trackers(bridge.office.arq_context)
    await bridge.office.work()
    assert bridge.office.status() is Status.RESOLVED


async def test_after_a_poll_the_late_webhooks_of_the_same_changes_are_no_news(bridge: Bridge) -> None:
    office = bridge.office
    await office.look()
    await bridge.told(2)
    await office.work()
    await bridge.close_as_person()
    await bridge.told(2)  # taken, and not read yet
    bridge.jira.wait_searchable()
    await poll_trackers(office.arq_context)
    ran = await office.work()
    assert "read_delivery" in ran
    assert office.status() is Status.RESOLVED
    looks = office.source.troubles.calls.count("finding")
    await poll_trackers(office.arq_context)
    assert await office.work() == []
    assert office.source.troubles.calls.count("finding") == looks
