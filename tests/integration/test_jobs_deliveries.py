"""Job `read_delivery`: every delivery ends in done, ignored, parked or quarantined; what it names is looked at (P1)."""

import json

import pytest
from prometheus_client import REGISTRY
from structlog.testing import capture_logs

from remediation.deliveries.events import SCHOOLSCAN, Sender
from remediation.deliveries.jira import JIRA
from remediation.deliveries.servicenow import SERVICENOW
from remediation.domain.cases.records import CaseKey, CaseKind
from remediation.domain.errors import KeyMissing
from remediation.domain.status import Status
from remediation.mapping.config.trackers.kinds import all_senders
from remediation.queue import WORK_QUEUE, Band, Job
from remediation.sealing import Keyring, generate_key
from remediation.store.deliveries.inbox import DeliveryState
from remediation.store.deliveries.parked import ParkedKind, Selection
from remediation.store.deliveries.readings import scan_ref
from remediation.store.figures import read_figures
from remediation.store.keys import CASE, DIRTY, INBOX, SCAN
from remediation.store.server.connection import Connection
from tests.integration.offices import KEY, Office
from tests.stand_ins import PlainRulebook
from workers.jobs.boundary import MOST_STUMBLES
from workers.jobs.deliveries import read_delivery

SCAN_REF = scan_ref("lakeside", "scan_1")


@pytest.fixture
def office(connection: Connection, keyring: Keyring) -> Office:
    return Office(connection, keyring)


async def accept(office: Office, body: bytes, delivery: str = "d1") -> None:
    await office.context.inbox.accept(delivery, SCHOOLSCAN, "lakeside", body, office.clock())


def event(kind: str, **data: object) -> bytes:
    return json.dumps({"id": "evt_1", "type": kind, "data": data}).encode()


async def read(office: Office, body: bytes, delivery: str = "d1") -> None:
    """Store it and read it, without working on what it marks."""
    await accept(office, body, delivery)
    await read_delivery(office.arq_context, delivery)


async def scan(office: Office) -> dict[bytes, bytes]:
    row: dict[bytes, bytes] = await office.connection.ask(office.redis.hgetall(SCAN + SCAN_REF))
    return row


async def test_a_critical_finding_is_marked_and_the_delivery_is_done_and_shredded(office: Office) -> None:
    await read(office, event("finding.critical", finding_id="fnd_1"))
    assert await office.context.inbox.state("d1") is DeliveryState.DONE
    assert not await office.connection.ask(office.redis.hexists(INBOX + "d1", "body"))
    assert await office.connection.ask(office.redis.hget(CASE + KEY.ref, "band")) == str(int(Band.CRITICAL)).encode()
    assert await office.context.todo.dirty() == 1


async def test_an_expert_review_marks_its_case_and_keeps_the_urgency_that_it_had(office: Office) -> None:
    await office.mark(band=Band.MEDIUM)
    await read(office, event("finding.expert_reviewed", finding_id="fnd_1"))
    row = await office.connection.ask(office.redis.hmget(CASE + KEY.ref, ["band", "gen"]))
    assert row == [str(int(Band.MEDIUM)).encode(), b"2"]


async def test_a_started_scan_is_recorded_and_marks_nothing(office: Office) -> None:
    await read(office, event("scan.started", scan_id="scan_1"))
    assert (await scan(office))[b"state"] == b"started"
    assert await office.context.todo.dirty() == 0
    assert await office.context.inbox.state("d1") is DeliveryState.DONE


async def test_a_completed_scan_is_to_be_listed(office: Office) -> None:
    await read(office, event("scan.completed", scan_id="scan_1"))
    assert await office.context.scans.take(SCAN_REF, office.clock()) is not None
    assert any(job.startswith(Job.PAGE_SCAN) for job in await office.waiting())


async def test_a_start_that_arrives_after_the_completion_does_not_stop_the_listing(office: Office) -> None:
    """P5: a late event never undoes a newer state. The scan's findings would never be looked at."""
    await read(office, event("scan.completed", scan_id="scan_1"), "d1")
    await read(office, event("scan.started", scan_id="scan_1"), "d2")
    assert await office.context.scans.take(SCAN_REF, office.clock()) is not None
    await office.work()
    assert (await scan(office))[b"state"] == b"done"
    await read(office, event("scan.started", scan_id="scan_1"), "d3")
    assert (await scan(office))[b"state"] == b"done"


async def test_a_delivery_goes_before_all_cases_that_wait(office: Office) -> None:
    await office.mark(band=Band.CRITICAL)
    await accept(office, event("finding.critical", finding_id="fnd_2"))
    assert (await office.waiting())[0].startswith(Job.READ_DELIVERY)


async def test_a_delivery_is_read_once_however_often_it_is_woken(office: Office) -> None:
    await read(office, event("finding.critical", finding_id="fnd_1"))
    await read_delivery(office.arq_context, "d1")
    assert await office.connection.ask(office.redis.hget(CASE + KEY.ref, "gen")) == b"1"


async def test_a_delivery_that_nobody_knows_is_no_trouble(office: Office) -> None:
    await read_delivery(office.arq_context, "no-such-delivery")
    assert await office.parked() == {}


async def test_a_delivery_whose_key_is_missing_is_parked_until_the_key_is_back(
    office: Office, keyring: Keyring
) -> None:
    await accept(office, event("finding.critical", finding_id="fnd_1"))
    good = office.context
    office.context = office.context_with(Keyring.parse(generate_key()), PlainRulebook("jira"))
    await office.work()
    assert await good.inbox.state("d1") is DeliveryState.PARKED
    (item,) = (await office.parked()).values()
    assert (item.name, item.kind, item.error) == ("delivery/d1", ParkedKind.DELIVERY, "KeyMissing")
    assert (item.district, item.system) == ("lakeside", "")
    assert await office.later() == [], "it waits for a person"
    await office.context.parked.replay("delivery/d1", office.clock())
    await office.work()
    assert list(await office.parked()) == ["delivery/d1"], "the key is still missing"
    office.context = good
    await office.context.parked.replay("delivery/d1", office.clock())
    await read_delivery(office.arq_context, "d1")
    assert await good.inbox.state("d1") is DeliveryState.DONE
    assert await office.parked() == {}


@pytest.mark.parametrize(("sender", "account"), [(SCHOOLSCAN, "lakeside"), (JIRA, "jira")])
async def test_whose_a_delivery_is_that_nobody_can_open_is_told_everywhere(
    office: Office, sender: Sender, account: str
) -> None:
    labels = {"sender": str(sender), "account": account, "outcome": "delivery"}
    before = REGISTRY.get_sample_value("remedy_deliveries_read_total", labels) or 0.0
    await office.context.inbox.accept("d1", sender, account, b"{}", office.clock())
    office.context = office.context_with(Keyring.parse(generate_key()), PlainRulebook("jira"))
    with capture_logs() as lines:
        await office.work()
    whose = {"district": account, "system": ""} if sender is SCHOOLSCAN else {"district": "", "system": account}
    selection = Selection(district=whose["district"] or None, system=whose["system"] or None)
    (item,) = [item async for item in office.context.parked.listed(selection)]
    assert (item.name, item.district, item.system) == ("delivery/d1", whose["district"], whose["system"])
    assert REGISTRY.get_sample_value("remedy_deliveries_read_total", labels) == before + 1
    assert (await read_figures(office.connection, office.clock())).parked_accounts == {account: 1}
    assert [line["event"] for line in lines] == ["delivery_set_aside"]


async def test_a_delivery_that_cannot_be_read_after_all_is_quarantined_and_kept(office: Office) -> None:
    await read(office, b'{"type":"finding.critical"}')
    assert await office.context.inbox.state("d1") is DeliveryState.QUARANTINED
    (item,) = (await office.parked()).values()
    assert (item.kind, item.district, item.words) == (
        ParkedKind.QUARANTINED,
        "lakeside",
        "the body names no finding",
    )
    assert await office.connection.ask(office.redis.hexists(INBOX + "d1", "body"))


UNKNOWN = {
    SCHOOLSCAN: b'{"type":"scan.paused","id":"evt_1"}',
    JIRA: b'{"webhookEvent":"sprint_started"}',
    SERVICENOW: b'{"event":"query"}',
}


@pytest.mark.parametrize("sender", all_senders(), ids=str)
async def test_a_stored_event_that_nobody_knows_is_ignored_and_no_longer_kept(office: Office, sender: Sender) -> None:
    """A version before this one quarantined such deliveries: a replay takes them off the list."""
    inbox, now = office.context.inbox, office.clock()
    await inbox.accept("d1", sender, "lakeside", UNKNOWN[sender], now, unreadable="the event type is not known")
    assert list(await office.parked()) == ["delivery/d1"]
    await office.context.parked.replay("delivery/d1", now)
    await office.work()
    assert await inbox.state("d1") is DeliveryState.IGNORED
    assert not await office.connection.ask(office.redis.hexists(INBOX + "d1", "body"))
    assert 0 < await office.redis.ttl(INBOX + "d1") <= 30 * 86_400
    assert await office.parked() == {}
    assert await office.later() == []


async def test_a_parked_or_quarantined_delivery_is_not_woken_by_the_sweep(office: Office) -> None:
    await read(office, b"{")
    await office.redis.delete("remedy:queue")
    assert await office.later() == []


async def test_an_error_of_ours_is_counted_and_leaves_the_delivery_to_the_sweep(office: Office) -> None:
    """A row of another type: a mistake that no code of ours foresees."""
    labels = {"task": "read_delivery", "error": "ResponseError"}
    before = REGISTRY.get_sample_value("remedy_job_errors_total", labels) or 0.0
    await accept(office, event("finding.critical", finding_id="fnd_1"))
    await office.redis.set(DIRTY, b"test-only")
    await office.work()
    assert REGISTRY.get_sample_value("remedy_job_errors_total", labels) == before + 1
    assert await office.context.inbox.state("d1") is DeliveryState.RECEIVED
    await office.redis.delete(DIRTY)
    await office.later(20)
    assert await office.context.inbox.state("d1") is DeliveryState.DONE


async def test_an_id_with_unusual_characters_finds_its_finding(office: Office) -> None:
    odd = "fnd/…^ü"
    await read(office, event("finding.critical", finding_id=odd))
    key = CaseKey("lakeside", CaseKind.FINDING, odd)
    assert (await office.record(key)).key == key


async def test_a_delivery_that_keeps_failing_by_an_error_of_ours_is_parked_and_can_be_replayed(office: Office) -> None:
    await accept(office, event("finding.critical", finding_id="fnd_1"))
    await office.redis.set(DIRTY, b"test-only")  # a row of another type
    for _ in range(MOST_STUMBLES):
        await read_delivery(office.arq_context, "d1")
        assert await office.context.inbox.state("d1") is DeliveryState.RECEIVED
    await read_delivery(office.arq_context, "d1")
    assert await office.context.inbox.state("d1") is DeliveryState.PARKED
    assert (await office.parked())["delivery/d1"].error == "ResponseError"
    await office.redis.delete(DIRTY, WORK_QUEUE)
    assert await office.later() == [], "it waits for a person"
    await office.context.parked.replay("delivery/d1", office.clock())
    await office.work()
    assert await office.context.inbox.state("d1") is DeliveryState.DONE
    assert office.status() is Status.REVIEWING


@pytest.mark.parametrize("kind", [ParkedKind.DELIVERY, ParkedKind.QUARANTINED])
async def test_a_delivery_that_another_worker_has_read_meanwhile_cannot_be_set_aside(
    office: Office, kind: ParkedKind
) -> None:
    """Its body is shredded: on the list it would be work that nobody can do."""
    await read(office, event("finding.critical", finding_id="fnd_1"))
    await office.context.parked.park(kind, "d1", KeyMissing("test-only"), office.clock(), district="lakeside")
    assert await office.parked() == {}
    assert await office.context.inbox.state("d1") is DeliveryState.DONE
