"""While very many deliveries wait to be read, one look at a case that is known is for all of them that name it."""

import pytest

from remediation.domain.cases.records import CaseKey, CaseKind
from remediation.queue import WORK_QUEUE, Band, Job
from remediation.sealing import Keyring
from remediation.store.deliveries.readings import DeliveryNews
from remediation.store.keys import DIRTY, INBOX, UNREAD
from remediation.store.server.connection import Connection
from remediation.store.terms import GRACE_MS, STORM
from tests.integration.offices import KEY, Office

NEW = CaseKey("lakeside", CaseKind.FINDING, "fnd_2")


@pytest.fixture
async def office(connection: Connection, keyring: Keyring) -> Office:
    """With a case that has its tickets and rests, and as many deliveries that wait as make a storm."""
    office = Office(connection, keyring)
    await office.look()
    assert len(office.tickets()) == 2
    await office.redis.zadd(UNREAD, {f"other{number}": 1 for number in range(STORM)})
    return office


async def told(office: Office, key: CaseKey = KEY, band: Band | None = None) -> None:
    """A delivery that names a case is read."""
    delivery = f"d{office.clock()}"
    row = {"state": "received", "at": "1", "sender": "schoolscan", "account": "lakeside", "body": "x"}
    await office.connection.ask(office.redis.hset(INBOX + delivery, mapping=row))
    news = DeliveryNews.of_case(delivery, key, band)
    assert await office.context.inbox.readings.finish("", [news], office.clock()) == ["done"]
    office.clock.pass_by(0.01)


async def woken(office: Office) -> list[str]:
    """The cases that a worker looks at next."""
    return [
        job.split(":", 1)[1].rpartition(":")[0] for job in await office.waiting() if job.startswith(Job.LOOK_AT_CASE)
    ]


async def due(office: Office) -> float:
    """In how many seconds the sweep wakes the case."""
    return float(await office.redis.zscore(DIRTY, KEY.ref)) / 1000 - office.clock()


async def test_many_deliveries_about_a_known_case_lead_to_one_look_and_none_puts_it_off(office: Office) -> None:
    for _ in range(300):
        await told(office)
        office.clock.pass_by(0.02)
    assert await woken(office) == []
    assert await due(office) <= GRACE_MS / 1000 - 300 * 0.02
    assert await office.later(GRACE_MS / 1000) == [Job.LOOK_AT_CASE]
    assert await office.context.todo.dirty() == 0


async def test_a_case_that_nobody_has_looked_at_waits_for_no_storm(office: Office) -> None:
    await told(office, NEW)
    assert await woken(office) == [NEW.ref]


async def test_a_case_that_is_more_urgent_than_it_was_waits_for_no_storm(office: Office) -> None:
    await told(office, KEY, Band.CRITICAL)
    assert await woken(office) == [KEY.ref]


async def test_what_is_told_while_a_case_is_looked_at_waits_for_the_storm_too(office: Office) -> None:
    await office.mark()
    lease = await office.context.todo.take(KEY.ref, office.clock())
    assert lease is not None
    await office.redis.delete(WORK_QUEUE)
    await told(office)
    assert await office.context.todo.settle(lease, lease.record.memory, office.clock())
    assert await woken(office) == []
    assert 0 < await due(office) <= GRACE_MS / 1000


async def test_without_a_storm_a_known_case_is_woken_at_once(office: Office) -> None:
    await office.redis.zrem(UNREAD, "other0")
    await told(office)
    assert await woken(office) == [KEY.ref]


async def test_whoever_is_no_delivery_waits_for_no_storm(office: Office) -> None:
    await office.mark()
    assert await woken(office) == [KEY.ref]
