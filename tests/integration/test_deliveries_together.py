"""Deliveries that wait are read together: one job is for all of them, and each ends by itself, whatever others do."""

import asyncio
import json
from collections.abc import Sequence

import pytest

from remediation.deliveries.events import SCHOOLSCAN
from remediation.domain.cases.records import CaseKey, CaseKind
from remediation.domain.errors import StoreUnavailable
from remediation.queue import WORK_QUEUE, Job
from remediation.sealing import Keyring, generate_key
from remediation.store.deliveries import readings
from remediation.store.deliveries.inbox import DeliveryState, Inbox
from remediation.store.deliveries.readings import MOST_TOGETHER, DeliveryReadings
from remediation.store.figures import read_figures
from remediation.store.keys import BEGUN, CASE, INBOX, PENDING, TAKEN, UNREAD
from remediation.store.server.connection import Connection
from remediation.store.terms import GRACE_MS
from remediation.store.work_queue import WorkQueue
from tests.integration.offices import Office
from workers.jobs.boundary import MOST_STUMBLES
from workers.jobs.deliveries import read_delivery

RECEIVED, DONE, PARKED = DeliveryState.RECEIVED, DeliveryState.DONE, DeliveryState.PARKED
LATER_MS = 4_000_000_000_000


@pytest.fixture
def office(connection: Connection, keyring: Keyring) -> Office:
    return Office(connection, keyring)


async def accept(office: Office, *numbers: int, inbox: Inbox | None = None, body: bytes | None = None) -> None:
    """Deliveries come in one after the other, each about a finding of its own."""
    for number in numbers:
        event = {"id": f"evt_{number}", "type": "finding.critical", "data": {"finding_id": f"fnd_{number}"}}
        told = body or json.dumps(event).encode()
        await (inbox or office.context.inbox).accept(f"d{number}", SCHOOLSCAN, "lakeside", told, office.clock())
        office.clock.pass_by(0.001)


def ref_of(number: int) -> str:
    return CaseKey("lakeside", CaseKind.FINDING, f"fnd_{number}").ref


async def states(office: Office, *numbers: int) -> list[DeliveryState | None]:
    return [await office.context.inbox.state(f"d{number}") for number in numbers]


async def readers(office: Office) -> list[str]:
    return [job for job in await office.waiting() if job.startswith(f"{Job.READ_DELIVERY}:")]


async def unread(office: Office) -> Sequence[bytes]:
    found: Sequence[bytes] = await office.redis.zrange(UNREAD, 0, -1)
    return found


async def crashes(office: Office, number: int) -> int:
    return int(await office.connection.ask(office.redis.hget(f"{BEGUN}delivery/d{number}", "crashes")) or 0)


async def test_one_job_reads_all_that_wait(office: Office) -> None:
    numbers = range(2 * MOST_TOGETHER + 3)
    await accept(office, *numbers)
    assert await readers(office) == [f"{Job.READ_DELIVERY}:d0:1"]
    await read_delivery(office.arq_context, "d0")
    assert set(await states(office, *numbers)) == {DONE}
    assert await office.context.todo.dirty() == len(numbers)
    assert [key async for key in office.redis.scan_iter(f"{TAKEN}*")] == []


async def test_while_a_job_reads_some_another_is_for_the_rest_and_for_what_comes_in(office: Office) -> None:
    await accept(office, *range(MOST_TOGETHER + 5))
    queue = WorkQueue(office.connection)
    ((job, *_),) = (await queue.claim(8, LATER_MS, 40_000)).jobs
    await accept(office, 100)
    (second,) = await readers_that_wait(office, job)
    batch = await office.context.inbox.readings.take_some("d0", office.clock())
    assert [each.id for each in batch.deliveries] == [f"d{number}" for number in range(MOST_TOGETHER)]
    assert batch.left == 6
    await accept(office, 101)
    assert await readers_that_wait(office, job) == [second]


async def readers_that_wait(office: Office, begun: str) -> list[str]:
    return [job for job in await readers(office) if job != begun]


async def test_a_worker_has_no_more_readers_in_hand_than_are_of_use(office: Office) -> None:
    await accept(office, 1)
    queue = WorkQueue(office.connection)
    assert len((await queue.claim(8, LATER_MS, 40_000, 2)).jobs) == 1
    await accept(office, 2)
    claimed = await queue.claim(8, LATER_MS, 40_000, 0)
    assert (list(claimed.jobs), claimed.left_readers) == ([], True)


async def test_bodies_of_a_size_are_taken_a_few_at_a_time(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readings, "MOST_BYTES", 100_000)
    await accept(office, 1, 2, 3, body=json.dumps({"id": "e", "type": "x", "more": "y" * 60_000}).encode())
    batch = await office.context.inbox.readings.take_some("", office.clock())
    assert ([each.id for each in batch.deliveries], batch.left) == (["d1", "d2"], 1)


async def test_one_that_meets_an_error_of_ours_holds_up_no_other_and_is_parked_at_last(office: Office) -> None:
    await office.redis.set(CASE + ref_of(2), "is no row")
    await accept(office, 1, 2, 3)
    await office.work()
    assert await states(office, 1, 2, 3) == [DONE, RECEIVED, DONE]
    assert await office.connection.ask(office.redis.hget(f"{INBOX}d2", "attempts")) == b"1"
    assert await unread(office) == [], "it waits for the sweep"
    for _ in range(MOST_STUMBLES):
        await office.later(GRACE_MS / 1000)
    assert await states(office, 2) == [PARKED]
    assert "delivery/d2" in await office.parked()


async def test_what_lies_under_a_name_and_is_no_row_holds_up_no_other(office: Office) -> None:
    await accept(office, 1, 2, 3)
    await office.redis.delete(f"{INBOX}d2")
    await office.redis.set(f"{INBOX}d2", "is no row")
    await read_delivery(office.arq_context, "d1")
    assert await states(office, 1, 3) == [DONE, DONE]


async def test_an_error_that_all_meet_together_is_that_of_the_one_that_causes_it(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    finish = DeliveryReadings.finish

    async def choosy(self: DeliveryReadings, token: str, news: Sequence[readings.DeliveryNews], now: float) -> object:
        if any(each.delivery_id == "d2" for each in news):
            raise RuntimeError("test-only")
        return await finish(self, token, news, now)

    monkeypatch.setattr(DeliveryReadings, "finish", choosy)
    await accept(office, 1, 2, 3)
    await office.work()
    assert await states(office, 1, 2, 3) == [DONE, RECEIVED, DONE]


async def test_unreadable_ones_and_those_without_a_key_end_beside_the_others(office: Office) -> None:
    await accept(office, 1)
    await accept(office, 2, inbox=Inbox(office.connection, Keyring.parse(generate_key())))
    await accept(office, 3, body=b"{}")
    await accept(office, 4)
    await office.work()
    assert await states(office, 1, 2, 3, 4) == [DONE, PARKED, DeliveryState.QUARANTINED, DONE]
    assert [each async for each in office.redis.scan_iter(f"{BEGUN}*")] == []


async def test_a_worker_that_dies_leaves_all_of_them_to_the_sweep(office: Office) -> None:
    await accept(office, 1, 2)
    await office.context.inbox.readings.take_some("d1", office.clock())  # it dies here
    await office.redis.delete(WORK_QUEUE)
    await accept(office, 3)
    await office.work()
    assert await states(office, 1, 2, 3) == [RECEIVED, RECEIVED, DONE], "nobody knows yet"
    await office.later(GRACE_MS / 1000)
    assert await states(office, 1, 2) == [DONE, DONE]


async def test_a_job_that_died_with_its_worker_does_not_keep_what_comes_in_waiting(office: Office) -> None:
    await accept(office, 1)
    await WorkQueue(office.connection).claim(8, LATER_MS, 40_000)  # it dies before it has taken any up
    await accept(office, 2)
    assert len(await readers(office)) == 2
    await read_delivery(office.arq_context, "d2")
    assert await states(office, 1, 2) == [DONE, DONE]


async def test_what_a_cancelled_job_had_taken_up_is_read_at_once_and_is_no_crash(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def cut_off(*_args: object) -> None:
        raise asyncio.CancelledError

    await accept(office, 1, 2)
    with monkeypatch.context() as patched:
        patched.setattr(DeliveryReadings, "finish", cut_off)
        with pytest.raises(asyncio.CancelledError):
            await read_delivery(office.arq_context, "d1")
    assert await unread(office) == [b"d1", b"d2"]
    await office.work()
    assert await states(office, 1, 2) == [DONE, DONE]
    assert [await crashes(office, number) for number in (1, 2)] == [0, 0]


async def test_a_repeated_question_takes_up_the_same_and_a_lost_answer_leaves_them_to_others(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    await accept(office, *range(MOST_TOGETHER + 2))
    asked, run = [0], Connection.run

    async def twice_and_lost(self: Connection, name: str, *args: str | bytes | float) -> object:
        if name == "take_deliveries":
            asked[0] += 1
            first, again = await run(self, name, *args), await run(self, name, *args)
            assert set(first[2::2]) == set(again[2::2])
            raise StoreUnavailable("test-only")
        return await run(self, name, *args)

    with monkeypatch.context() as patched:
        patched.setattr(Connection, "run", twice_and_lost)
        await read_delivery(office.arq_context, "d0")
    assert asked == [1]
    assert len(await unread(office)) == 2
    await read_delivery(office.arq_context, "d26")  # this process owes Redis the end of the first question
    assert set(await states(office, *range(MOST_TOGETHER + 2))) == {DONE}
    assert await crashes(office, 0) == 0


async def test_a_suspect_is_tried_alone_beside_the_others(office: Office) -> None:
    await accept(office, 1, 2, 3)
    await office.connection.ask(
        office.redis.hset(f"{BEGUN}delivery/d2", mapping={"crashes": 3, "token": "dead", "at": 1})
    )
    batch = await office.context.inbox.readings.take_some("d1", office.clock())
    assert ([each.id for each in batch.deliveries], list(batch.suspects)) == (["d1", "d3"], ["d2"])
    await office.context.inbox.readings.let_go(batch, office.clock(), at_once=True)
    await accept(office, 4)
    await office.redis.zadd(UNREAD, {"d2": 0})
    await office.work()
    assert await states(office, 1, 2, 3, 4) == [DONE] * 4


async def test_a_job_of_an_earlier_receiver_reads_its_delivery(office: Office) -> None:
    await accept(office, 1, 2)
    await office.redis.delete(UNREAD)
    await read_delivery(office.arq_context, "d2")
    assert await states(office, 1, 2) == [RECEIVED, DONE]
    await office.later(GRACE_MS / 1000)
    assert await states(office, 1) == [DONE]


async def test_a_delivery_that_is_discarded_or_read_elsewhere_is_not_read(office: Office) -> None:
    await accept(office, 1, 2)
    await office.connection.run("discard_delivery", "d1", 1000, "")
    assert await unread(office) == [b"d2"]
    await office.connection.ask(office.redis.hset(f"{INBOX}d2", "state", "done"))
    batch = await office.context.inbox.readings.take_some("", office.clock())
    assert (list(batch.deliveries), await unread(office)) == ([], [])


async def test_each_delivery_that_waits_counts_as_work(office: Office) -> None:
    await accept(office, *range(5))
    figures = await read_figures(office.connection, office.clock())
    assert (figures.due, figures.unread) == (5, 5)


async def test_the_sweep_wakes_no_second_reader_for_what_a_job_waits_for(office: Office) -> None:
    await accept(office, 1, 2, 3)
    office.clock.pass_by(GRACE_MS / 1000)
    woken = await office.context.todo.sweep(office.clock())
    assert woken["delivery"] == 0
    assert len(await readers(office)) == 1
    assert await office.redis.zcount(PENDING, office.clock() * 1000 + 1, "+inf") == 3
