"""From a delivery's receipt to the first ticket and the change of status: across put-offs and deaths, and only then."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from prometheus_client import REGISTRY

from remediation.deliveries.events import SCHOOLSCAN
from remediation.domain.cases.records import Memory
from remediation.domain.errors import TryLater
from remediation.domain.status import Status
from remediation.sealing import Keyring
from remediation.store.cases.todo import Todo
from remediation.store.keys import CASE, LEASE
from remediation.store.server.connection import Connection
from tests.integration.offices import KEY, Office
from tests.integration.receivers import event

DOWN = TryLater("test", "down", status=503)
Counts = Callable[[], dict[str, tuple[float, float]]]


@pytest.fixture
def office(connection: Connection, keyring: Keyring) -> Office:
    return Office(connection, keyring)


@pytest.fixture
def counted() -> Counts:
    """How many were counted since the test began, and the sum of their seconds."""

    def read(what: str, part: str) -> float:
        name = f"remedy_delivery_to_{what}_seconds_{part}"
        return REGISTRY.get_sample_value(name, {"sender": "schoolscan"}) or 0.0

    def now() -> dict[str, tuple[float, float]]:
        return {what: (read(what, "count"), read(what, "sum")) for what in ("ticket", "status")}

    before = now()
    return lambda: {
        each: (round(count - before[each][0]), round(seconds - before[each][1], 3))
        for each, (count, seconds) in now().items()
    }


class DiesBeforeItRemembers(Todo):
    """Of a worker that dies when all is done."""

    async def settle(self, *_args: object, **_more: object) -> bool:
        raise RuntimeError("test-only")


async def receive(office: Office, delivery: str = "d1") -> None:
    body = event(1)
    await office.context.inbox.accept(delivery, SCHOOLSCAN, "lakeside", body, office.clock())


async def awaited(office: Office) -> list[bytes]:
    names = await office.connection.ask(office.redis.hkeys(CASE + KEY.ref))
    return [name for name in names if name.startswith(b"awaited:")]


async def test_the_time_begins_with_the_receipt(office: Office, counted: Counts) -> None:
    await receive(office)
    office.clock.pass_by(7)
    await office.work()
    assert office.status() is Status.REVIEWING
    assert counted() == {"ticket": (1, 7), "status": (1, 7)}
    assert await awaited(office) == []


async def test_what_had_to_wait_counts_with_its_wait_and_each_thing_once(office: Office, counted: Counts) -> None:
    office.source.troubles.once("update_finding", DOWN)
    await receive(office)
    await office.work()
    assert counted() == {"ticket": (1, 0), "status": (0, 0)}
    await office.later(500)
    assert office.status() is Status.REVIEWING
    assert counted() == {"ticket": (1, 0), "status": (1, 500)}


@pytest.mark.parametrize("trackers_answer", [True, False])
async def test_a_look_for_another_reason_counts_for_nothing(
    office: Office, counted: Counts, *, trackers_answer: bool
) -> None:
    if not trackers_answer:
        office.jira.troubles.once("create", DOWN)
    await office.look()
    await office.later()
    assert office.status() is Status.REVIEWING
    assert counted() == {"ticket": (0, 0), "status": (0, 0)}


async def test_a_delivery_that_asks_for_nothing_leaves_no_time_behind(office: Office, counted: Counts) -> None:
    await office.look()
    await receive(office)
    await office.work()
    assert await awaited(office) == []
    office.source.set_status("fnd_1", Status.OPEN)
    office.clock.pass_by(1_000)
    await office.look()
    assert counted() == {"ticket": (0, 0), "status": (0, 0)}


async def test_several_deliveries_before_a_look_count_once_from_the_first(office: Office, counted: Counts) -> None:
    for delivery in ("d1", "d2"):
        await receive(office, delivery)
        office.clock.pass_by(3)
    await office.work()
    assert counted() == {"ticket": (1, 6), "status": (1, 6)}


async def test_what_a_worker_had_done_when_it_died_is_counted_by_the_next(office: Office, counted: Counts) -> None:
    """It died before it could remember: its tickets, its patch, and what it was about to do are there."""
    await receive(office)
    alive = office.context
    office.context = replace(alive, todo=DiesBeforeItRemembers(office.connection))
    await office.work()
    office.context = alive
    assert counted() == {"ticket": (0, 0), "status": (0, 0)}
    await office.redis.delete(LEASE + KEY.ref)
    await office.later(60)
    assert counted()["ticket"] == (1, 60)
    assert counted()["status"] == (1, 60)
    assert len(office.tickets()) == 2


async def test_a_lost_lease_counts_nothing_and_whoever_took_over_does(office: Office, counted: Counts) -> None:
    await receive(office)
    office.jira.troubles.once("create", DOWN)
    office.snow.troubles.once("create", DOWN)
    await office.work()
    assert sorted(await awaited(office)) == [b"awaited:status", b"awaited:ticket"]
    lease = await office.context.todo.take(KEY.ref, office.clock())
    assert lease is not None
    assert {each.sender for each in lease.awaited.values()} == {"schoolscan"}
    await office.redis.set(LEASE + KEY.ref, b"somebody else")
    assert not await office.context.todo.settle(lease, Memory(), office.clock(), drop=sorted(lease.awaited))
    assert len(await awaited(office)) == 2
    assert counted() == {"ticket": (0, 0), "status": (0, 0)}
