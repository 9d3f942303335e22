"""Who holds a case: nobody writes without the lease, a lease is kept while the work goes on, and SIGTERM lets go."""

import asyncio
from collections.abc import Iterator, Mapping

import pytest
from prometheus_client import REGISTRY
from structlog.testing import capture_logs
from structlog.typing import EventDict

from remediation.domain.errors import Refused, TryLater
from remediation.domain.findings import Finding
from remediation.domain.status import Status
from remediation.domain.tickets import Draft, Reason, Ticket, TicketState
from remediation.log_context import merge_facts
from remediation.queue import WORK_QUEUE
from remediation.sealing import Keyring
from remediation.store.cases import todo
from remediation.store.cases.todo import LEASE_SECONDS
from remediation.store.keys import BEGUN, CASE, DIRTY, LEASE
from remediation.store.server.connection import Connection
from tests.integration.offices import HORIZON, KEY, Office
from tests.integration.receivers import keyspace
from tests.stand_ins import MemoryTracker
from workers.jobs import cases
from workers.jobs.cases import look_at_case

TAKEN = b"somebody-else"
SHORT = 1.0
"""Seconds: short for a lease, and yet long for one write to a busy disk, as which a renewal comes to pass."""


class Held(MemoryTracker):
    """Each call of the given name first waits until it is let through, after telling that it has begun."""

    def __init__(self, office: Office, call: str) -> None:
        super().__init__("jira", office.clock, horizon=HORIZON)
        self.begun, self.through = asyncio.Event(), asyncio.Event()
        self._held = call

    async def _hold(self, call: str) -> None:
        if call == self._held:
            self.begun.set()
            await self.through.wait()

    async def find(self, mark: str, place: str) -> tuple[Ticket, ...]:
        await self._hold("find")
        return await super().find(mark, place)

    async def create(self, draft: Draft) -> Ticket:
        await self._hold("create")
        return await super().create(draft)

    async def resolve(
        self, ticket_id: str, reason: Reason, comment: str, fields: Mapping[str, object] | None = None
    ) -> Ticket:
        await self._hold("resolve")
        return await super().resolve(ticket_id, reason, comment, fields)


@pytest.fixture
def office(connection: Connection, keyring: Keyring) -> Office:
    return Office(connection, keyring)


@pytest.fixture(autouse=True)
def logged() -> Iterator[list[EventDict]]:
    with capture_logs(processors=[merge_facts]) as lines:
        yield lines


@pytest.fixture
def short_leases(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (todo, cases):
        monkeypatch.setattr(module, "LEASE_SECONDS", SHORT)


def held(office: Office, call: str) -> Held:
    office.jira = Held(office, call)
    office.trackers["jira"] = office.jira
    return office.jira


async def begun(office: Office, tracker: Held) -> asyncio.Task[None]:
    """A look that has come as far as the held call."""
    await office.mark()
    task = asyncio.create_task(look_at_case(office.arq_context, KEY.ref))
    await asyncio.wait_for(tracker.begun.wait(), 5)
    return task


async def steal(office: Office) -> dict[bytes, bytes | None]:
    """Somebody else takes the case over; answers what lies in Redis from now on."""
    await office.redis.set(LEASE + KEY.ref, TAKEN)
    return await kept(office)


async def kept(office: Office) -> dict[bytes, bytes | None]:
    """What lies in Redis, but for who is at the case: whoever lets go says so, whether the lease held or not."""
    found = await keyspace(office.redis)
    return {key: value for key, value in found.items() if not key.startswith(BEGUN.encode())}


def settled() -> float:
    return REGISTRY.get_sample_value("remedy_looks_total", {"district": "lakeside", "outcome": "settled"}) or 0.0


@pytest.mark.parametrize("call", ["find", "create"])
@pytest.mark.parametrize("outcome", ["works", "refuses", "is busy"])
async def test_after_the_lease_is_lost_nothing_is_written(
    office: Office, logged: list[EventDict], call: str, outcome: str
) -> None:
    tracker = held(office, call)
    task = await begun(office, tracker)
    if outcome == "refuses":
        tracker.troubles.for_good(call, Refused("jira", "no"))
    if outcome == "is busy":
        tracker.troubles.for_good(call, TryLater("jira", "busy", ambiguous=True))
    before, looks = await steal(office), settled()
    tracker.through.set()
    await asyncio.wait_for(task, 5)
    assert await kept(office) == before
    assert settled() == looks
    let_go = {"event": "job_let_go", "log_level": "warning", "job": "look_at_case", "case": KEY.ref}
    assert {**let_go, "error": "LeaseLost"} in logged


async def test_a_look_that_finds_nothing_to_do_does_not_count_once_the_lease_is_lost(office: Office) -> None:
    await office.look()
    before = settled()
    original = office.source.finding

    async def stolen(finding_id: str) -> Finding:
        await steal(office)
        return await original(finding_id)

    office.source.finding = stolen  # type: ignore[method-assign]  # the lease goes in the middle of the look
    await office.mark()
    await look_at_case(office.arq_context, KEY.ref)
    assert settled() == before
    assert await office.redis.get(LEASE + KEY.ref) == TAKEN
    assert await office.context.todo.dirty() == 1


async def test_a_lease_is_kept_while_the_work_goes_on(office: Office, short_leases: None) -> None:
    tracker = held(office, "create")
    task = await begun(office, tracker)
    await asyncio.sleep(SHORT * 2)
    assert await office.redis.exists(LEASE + KEY.ref)
    assert await office.context.todo.take(KEY.ref, office.clock()) is None
    tracker.through.set()
    await asyncio.wait_for(task, 5)
    assert await office.context.todo.dirty() == 0
    assert len(office.tickets()) == 2


async def test_whoever_cannot_renew_the_lease_stops_working(office: Office, short_leases: None) -> None:
    tracker = held(office, "create")
    task = await begun(office, tracker)
    await steal(office)
    await asyncio.wait_for(task, 5)
    assert not tracker.through.is_set(), "it did not wait for the tracker"
    assert office.jira.of(KEY.mark) == []


async def test_a_worker_that_dies_keeps_its_case_no_longer_than_its_lease(office: Office, short_leases: None) -> None:
    await office.mark()
    assert await office.context.todo.take(KEY.ref, office.clock()) is not None  # and then kill -9
    await office.redis.delete(WORK_QUEUE)
    assert await office.later(60) == []
    await asyncio.sleep(SHORT)
    assert await office.later(60) != []
    assert len(office.tickets()) == 2


@pytest.mark.parametrize("call", ["find", "create"])
async def test_a_cancelled_look_lets_go_and_the_next_one_waits_for_its_threads(office: Office, call: str) -> None:
    tracker = held(office, call)
    task = await begun(office, tracker)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(task, 5)
    assert await office.redis.exists(LEASE + KEY.ref) == 0
    assert await office.redis.zscore(DIRTY, KEY.ref) == int((office.clock() + LEASE_SECONDS) * 1000)
    tracker.through.set()
    await office.later(LEASE_SECONDS)
    await office.later(HORIZON)
    await office.later()
    assert len(office.tickets()) == 2
    assert office.status() is Status.REVIEWING


async def test_a_look_cancelled_in_the_middle_of_a_create_leaves_its_intent(office: Office) -> None:
    tracker = held(office, "create")
    task = await begun(office, tracker)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    tracker.through.set()
    assert "jira" in (await office.record()).intents
    await office.look()
    assert office.jira.of(KEY.mark) == [], "the request may still be on its way"


async def test_what_was_done_before_a_cancellation_is_not_taken_for_somebodys_change(office: Office) -> None:
    await office.look()
    tracker = held(office, "resolve")
    tracker.keep(Draft(KEY.mark, "SEC", "summary", "body"))
    office.source.set_status("fnd_1", Status.RESOLVED)
    task = await begun(office, tracker)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    tracker.change("id-1", TicketState.DONE, Reason.FIXED)  # the thread went on
    tracker.through.set()
    await office.later(60)
    assert office.status() is Status.RESOLVED
    assert all(ticket.state is TicketState.DONE for ticket in office.tickets())
    assert await office.connection.ask(office.redis.hget(CASE + KEY.ref, "memory")) is not None
