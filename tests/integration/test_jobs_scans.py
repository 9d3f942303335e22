"""Job `page_scan`: every finding of a completed scan becomes a case to look at, whatever happens between two pages."""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

import pytest
from prometheus_client import REGISTRY
from structlog.testing import capture_logs

from remediation.deliveries.events import SCHOOLSCAN
from remediation.domain.cases.records import CaseKey, CaseKind
from remediation.domain.errors import Refused, TryLater
from remediation.domain.findings import Finding
from remediation.domain.status import Severity, Status
from remediation.queue import WORK_QUEUE, Band, Job, band_of
from remediation.sealing import Keyring, generate_key
from remediation.sources.connections import open_client
from remediation.sources.schoolscan.client import SchoolScan
from remediation.sources.schoolscan.pages import FindingsPage
from remediation.store.cursors import SealedCursors
from remediation.store.deliveries.parked import DecisionOutcome, ParkedKind
from remediation.store.deliveries.readings import scan_ref
from remediation.store.keys import CASE, SCAN, SCANS
from remediation.store.scans.listing import ScanListing
from remediation.store.server.connection import Connection
from remedy.doctor.stored.lists import look_at_lists
from sandbox.schoolscan.stage import Behaviour
from sandbox.schoolscan.stand_in import account, create_app
from sandbox.schoolscan.world import World
from sandbox.wire.server import serve
from tests.integration.offices import Office
from tests.stand_ins import LATER
from workers.jobs import scans
from workers.jobs.boundary import MOST_STUMBLES
from workers.jobs.cases import look_at_case
from workers.jobs.deliveries import read_delivery
from workers.jobs.scans import page_scan

REF = scan_ref("lakeside", "scan_1")
COUNT = 7
PAGE = 3
SEVERITIES = list(Severity)


def key(number: int) -> CaseKey:
    return CaseKey("lakeside", CaseKind.FINDING, f"found_{number}")


@pytest.fixture
async def office(connection: Connection, keyring: Keyring) -> Office:
    """A scan with seven findings has been completed, and its first page is to be listed."""
    office = Office(connection, keyring, page_size=PAGE)
    office.source.findings = {
        f"found_{number}": Finding(
            f"found_{number}",
            Status.OPEN,
            SEVERITIES[number % len(SEVERITIES)],
            scan_id="scan_1",
            detected_at=LATER,
        )
        for number in range(COUNT)
    }
    await complete(office)
    return office


async def complete(office: Office, event_id: str = "evt_1", district: str = "lakeside") -> None:
    body = json.dumps({"id": event_id, "type": "scan.completed", "data": {"scan_id": "scan_1"}}).encode()
    await office.context.inbox.accept(event_id, SCHOOLSCAN, district, body, office.clock())
    await read_delivery(office.arq_context, event_id)
    for job in await office.waiting():
        if job.startswith(Job.READ_DELIVERY):
            await office.redis.zrem(WORK_QUEUE, job)


async def start(office: Office, event_id: str) -> None:
    body = json.dumps({"id": event_id, "type": "scan.started", "data": {"scan_id": "scan_1"}}).encode()
    await office.context.inbox.accept(event_id, SCHOOLSCAN, "lakeside", body, office.clock())
    await read_delivery(office.arq_context, event_id)


async def page(office: Office) -> None:
    await page_scan(office.arq_context, REF)


async def marked(office: Office) -> dict[int, int]:
    """How often each finding was marked."""
    rows = {
        number: await office.connection.ask(office.redis.hget(CASE + key(number).ref, "gen")) for number in range(COUNT)
    }
    return {number: int(gen) for number, gen in rows.items() if gen}


async def field(office: Office, name: str) -> str:
    value = await office.connection.ask(office.redis.hget(SCAN + REF, name))
    return (value or b"").decode()


async def test_each_page_is_a_short_job_that_wakes_the_next(office: Office) -> None:
    for listed in (3, 6, 7):
        before = len(await office.waiting())
        await page(office)
        assert len(await marked(office)) == listed
        assert len(await office.waiting()) > before
    assert (await field(office, "state"), await field(office, "pages"), await field(office, "marked")) == (
        "done",
        "3",
        "7",
    )
    assert await office.redis.zcard(SCANS) == 0
    await page(office)
    assert office.source.troubles.calls.count("findings_page") == 3


async def test_a_whole_scan_is_worked_off(office: Office) -> None:
    ran = await office.work()
    assert ran.count(Job.PAGE_SCAN) == 3
    assert len(office.jira.books) == len(office.snow.books) == COUNT
    assert all(finding.status is Status.REVIEWING for finding in office.source.findings.values())


async def test_each_case_is_as_urgent_as_its_finding(office: Office) -> None:
    await office.redis.delete(WORK_QUEUE)
    for _ in range(3):
        await page(office)
    waiting = [job.split(":")[3] for job in await office.waiting() if job.startswith(Job.LOOK_AT_CASE)]
    severities = [office.source.findings[name].severity for name in waiting]
    assert [band_of(severity) for severity in severities] == sorted(map(band_of, severities), reverse=True)
    assert band_of(severities[0]) is Band.CRITICAL


async def test_a_case_at_which_a_look_began_since_the_scan_ended_is_not_looked_at_for_its_list(office: Office) -> None:
    office.clock.pass_by(2)
    await office.context.todo.mark([(key(0), Band.CRITICAL)], office.clock())
    await look_at_case(office.arq_context, key(0).ref)
    await office.work()
    assert await marked(office) == dict.fromkeys(range(COUNT), 1)
    assert await field(office, "marked") == str(COUNT - 1)
    office.clock.pass_by(2)
    await complete(office, "evt_2")
    await office.work()
    assert await marked(office) == dict.fromkeys(range(COUNT), 2), "those looks began before the later end"


async def test_a_look_that_began_by_a_clock_that_was_ahead_counts_as_none(office: Office) -> None:
    now = office.clock()
    await office.context.todo.mark([(key(0), Band.CRITICAL)], now)
    begun = office.redis.hset(f"{CASE}{key(0).ref}", "begun", str(int(now + 3600)))  # by a Redis before this one
    await office.connection.ask(begun)
    await office.work()
    assert await field(office, "marked") == str(COUNT)


async def test_a_crash_between_two_pages_goes_on_with_the_next(office: Office) -> None:
    await page(office)
    await office.redis.delete(WORK_QUEUE)  # whatever was woken is gone
    office.clock.pass_by(20)
    assert (await office.context.todo.sweep(office.clock()))["scan"] == 1
    await office.work()
    assert len(await marked(office)) == COUNT
    assert office.source.troubles.calls.count("findings_page") == 3


async def test_a_page_that_two_workers_list_is_marked_once(office: Office) -> None:
    await asyncio.gather(*(page(office) for _ in range(4)))
    assert set((await marked(office)).values()) == {1}


async def test_a_source_that_is_down_puts_the_page_off_until_it_is_back(office: Office) -> None:
    await page(office)
    office.source.troubles.for_good("findings_page", TryLater("lakeside", "slow down", after=60.0))
    await page(office)
    await page(office)
    assert await field(office, "attempts") == "2"
    due = await office.redis.zscore(SCANS, REF)
    assert due is not None
    assert 60 <= due / 1000 - office.clock() <= 62
    office.source.troubles.heal()
    await office.redis.delete(WORK_QUEUE)
    await office.later(59)
    assert len(await marked(office)) == PAGE
    await office.later(4)
    assert len(await marked(office)) == COUNT
    assert await field(office, "attempts") == "0"


async def test_findings_without_a_usable_id_are_counted_and_told(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    listed = office.source.findings_page

    async def odd_page(filters: Mapping[str, str], cursor: str | None) -> FindingsPage:
        return replace(await listed(filters, cursor), left_out=2)

    monkeypatch.setattr(office.source, "findings_page", odd_page)
    name, labels = "remedy_findings_left_out_total", {"district": "lakeside"}
    before = REGISTRY.get_sample_value(name, labels) or 0.0
    with capture_logs() as lines:
        await page(office)
    assert REGISTRY.get_sample_value(name, labels) == before + 2
    assert [line["count"] for line in lines if line["event"] == "findings_left_out"] == [2]
    await page(office)
    assert await field(office, "left_out") == "4"
    (told,) = await look_at_lists(office.connection)
    assert told.code == "findings-left-out"
    assert told.says.startswith("4 findings without a usable id")
    await complete(office, "evt_2")
    assert await field(office, "left_out") == "", "it is listed anew"


async def test_findings_that_are_listed_twice_and_empty_pages_do_no_harm(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = list(office.source.findings.values())
    pages = {
        None: FindingsPage((found[0], found[0], found[1]), "c:1"),
        "c:1": FindingsPage((), "c:2"),
        "c:2": FindingsPage((found[1], *found[2:]), "c:3"),
        "c:3": FindingsPage((), None),
    }

    async def odd_page(_filters: Mapping[str, str], cursor: str | None) -> FindingsPage:
        return pages[cursor]

    monkeypatch.setattr(office.source, "findings_page", odd_page)
    assert (await office.work()).count(Job.PAGE_SCAN) == len(pages)
    assert await field(office, "state") == "done"
    assert len(await marked(office)) == COUNT
    assert len(office.jira.books) == len(office.snow.books) == COUNT


@pytest.mark.parametrize("envelope", ["cursor", "page", "link"])
async def test_a_real_list_is_read_in_each_of_its_shapes_across_a_crash_after_every_page(
    office: Office, monkeypatch: pytest.MonkeyPatch, envelope: str
) -> None:
    """Of numbered pages, also where a finding that was read leaves the list meanwhile."""
    world = World([account("lakeside", "test-only-token")])
    run = world.scans.begin("lakeside", "lakeside.example", [{}] * 350)
    ids = [finding["id"] for finding in world.scans.finish(run)]
    monkeypatch.setattr(ScanListing, "filters", property(lambda _listing: {"scan_id": run.scan["id"]}))
    with serve(create_app(world, behaviour=Behaviour(envelope=envelope))) as address:  # type: ignore[arg-type]
        async with open_client() as client:
            real = SchoolScan("lakeside", f"{address}/v1", "test-only-token", client=client)
            monkeypatch.setattr(office.source, "findings_page", real.findings_page)
            for number in range(8):
                await page(office)
                await office.redis.delete(WORK_QUEUE)  # whatever was woken is gone
                office.clock.pass_by(20)
                if number == 1 and envelope == "page":
                    world.findings.delete(ids[0])
                if await field(office, "state") == "done":
                    break
    refs = {CaseKey("lakeside", CaseKind.FINDING, finding_id).ref for finding_id in ids}
    kept = {name.decode().removeprefix(CASE) async for name in office.redis.scan_iter(f"{CASE}*")}
    assert refs <= kept


async def test_a_list_that_goes_round_in_a_circle_is_parked(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scans, "MOST_PAGES", 10)
    calls: list[str | None] = []

    async def circle(_filters: Mapping[str, str], cursor: str | None) -> FindingsPage:
        calls.append(cursor)
        return FindingsPage((office.source.findings["found_0"],), "c:2" if cursor == "c:1" else "c:1")

    monkeypatch.setattr(office.source, "findings_page", circle)
    await office.work()
    item = (await office.parked())[f"{REF}/list"]
    assert item.words == "its list has more than 10 pages: does it ever end?"
    assert len(calls) == 10


async def test_a_listing_that_is_refused_is_parked_and_replayed_from_where_it_stood(office: Office) -> None:
    await page(office)
    office.source.troubles.for_good("findings_page", Refused("lakeside", "no such scan", status=404))
    await page(office)
    item = (await office.parked())[f"{REF}/list"]
    assert (item.kind, item.words, item.district) == (ParkedKind.SCAN, "no such scan", "lakeside")
    await office.redis.delete(WORK_QUEUE)
    await office.later()
    assert len(await marked(office)) == PAGE, "it waits for a person"
    office.source.troubles.heal()
    await office.context.parked.replay(item.name, office.clock())
    await office.work()
    assert set((await marked(office)).values()) == {1}
    assert len(await marked(office)) == COUNT
    assert await office.parked() == {}


async def test_a_parked_listing_is_kept_for_as_long_as_it_is_parked(office: Office) -> None:
    office.source.troubles.for_good("findings_page", Refused("lakeside", "no such scan"))
    await page(office)
    assert await office.redis.ttl(SCAN + REF) == -1
    await office.context.parked.discard(f"{REF}/list", office.clock())
    assert await office.redis.ttl(SCAN + REF) > 0


async def test_a_scan_of_a_district_that_is_not_named_for_a_while_is_listed_once_it_is_back(office: Office) -> None:
    source = office.accounts.pop("lakeside")
    await page(office)
    assert await office.parked() == {}
    office.accounts["lakeside"] = source
    await office.later()
    assert len(await marked(office)) == COUNT


async def test_a_scan_that_is_completed_once_more_is_listed_once_more(office: Office) -> None:
    await office.work()
    await complete(office, "evt_2")
    await office.work()
    assert set((await marked(office)).values()) == {2}
    assert len(office.jira.books) == COUNT


async def test_a_scan_without_findings_is_done_at_once(office: Office) -> None:
    office.source.findings = {}
    await office.work()
    assert await field(office, "state") == "done"
    assert await office.context.todo.dirty() == 0


async def test_an_error_of_ours_leaves_the_page_to_the_sweep(office: Office) -> None:
    office.source.troubles.once("findings_page", RuntimeError("test-only"))
    await page(office)
    await office.redis.delete(WORK_QUEUE)
    await office.later(20)
    assert len(await marked(office)) == COUNT


async def test_a_listing_that_keeps_failing_by_an_error_of_ours_is_parked_and_can_be_replayed(office: Office) -> None:
    office.source.troubles.for_good("findings_page", RuntimeError("test-only"))
    for _ in range(MOST_STUMBLES):
        await page(office)
        assert await office.parked() == {}
    await page(office)
    item = (await office.parked())[f"{REF}/list"]
    assert (item.kind, item.error) == (ParkedKind.SCAN, "RuntimeError")
    await office.redis.delete(WORK_QUEUE)
    assert await office.later() == [], "it waits for a person"
    office.source.troubles.heal()
    await office.context.parked.replay(item.name, office.clock())
    await office.work()
    assert len(await marked(office)) == COUNT
    assert await office.parked() == {}


async def test_a_start_that_arrives_late_leaves_a_parked_listing_parked_and_kept(office: Office) -> None:
    """P5, and the person who is to replay it finds it, however long that takes."""
    office.source.troubles.for_good("findings_page", Refused("lakeside", "no such scan"))
    await page(office)
    await start(office, "evt_2")
    assert await field(office, "state") == "parked"
    assert await office.redis.ttl(SCAN + REF) == -1
    office.source.troubles.heal()
    await office.context.parked.replay(f"{REF}/list", office.clock())
    await office.work()
    assert len(await marked(office)) == COUNT


async def test_a_listing_does_not_expire_before_it_is_done_however_long_that_takes(office: Office) -> None:
    """P1: findings that were not listed yet have nothing else that remembers them."""
    office.source.troubles.for_good("findings_page", TryLater("lakeside", "down"))
    await page(office)
    assert await office.redis.ttl(SCAN + REF) == -1
    await start(office, "evt_2")
    assert await office.redis.ttl(SCAN + REF) == -1, "a start that arrives late changes nothing"
    office.source.troubles.heal()
    await office.later()
    assert await field(office, "state") == "done"
    assert await office.redis.ttl(SCAN + REF) > 0
    await complete(office, "evt_3")
    assert await office.redis.ttl(SCAN + REF) == -1, "it is listed once more"


async def test_a_replayed_listing_does_not_expire_before_it_is_done(office: Office) -> None:
    office.source.troubles.for_good("findings_page", Refused("lakeside", "no such scan"))
    await page(office)
    await office.context.parked.replay(f"{REF}/list", office.clock())
    assert await office.redis.ttl(SCAN + REF) == -1
    office.source.troubles.heal()
    await office.work()
    assert await office.redis.ttl(SCAN + REF) > 0


async def test_a_scan_that_is_done_is_kept_for_as_long_as_the_file_says(office: Office) -> None:
    office.context = replace(office.context, inbox=office.context.inbox.keeping(timedelta(days=2)))
    await complete(office, "evt_2")
    await office.work()
    assert round(await office.redis.ttl(SCAN + REF) / 86_400) == 2


async def test_a_scan_that_nothing_is_known_of_is_not_woken_for_ever(office: Office) -> None:
    await office.redis.delete(SCAN + REF, WORK_QUEUE)
    assert await office.later() == [Job.PAGE_SCAN]
    assert await office.later() == []
    assert await office.redis.exists(SCANS, SCAN + REF) == 0


async def test_a_parked_listing_that_a_delivery_begins_anew_is_not_parked_any_more(office: Office) -> None:
    office.source.troubles.for_good("findings_page", Refused("lakeside", "no such scan"))
    await page(office)
    office.source.troubles.heal()
    await complete(office, "evt_2")
    assert await office.parked() == {}
    assert await office.context.parked.count() == 0
    await office.work()
    assert len(await marked(office)) == COUNT


async def test_a_parked_listing_of_a_scan_that_nothing_is_known_of_is_missing(office: Office) -> None:
    office.source.troubles.for_good("findings_page", Refused("lakeside", "no such scan"))
    await page(office)
    await office.redis.delete(SCAN + REF, WORK_QUEUE)
    assert await office.context.parked.replay(f"{REF}/list", office.clock()) is DecisionOutcome.MISSING
    assert await office.parked() == {}
    assert await office.redis.exists(SCANS, SCAN + REF) == 0
    assert await office.later() == []


async def test_a_cursor_is_sealed_and_goes_with_the_end_of_the_list(office: Office) -> None:
    await page(office)
    assert (await field(office, "cursor")).startswith("sealed ")
    await office.work()
    assert len(await marked(office)) == COUNT
    assert await field(office, "cursor") == ""


async def test_the_cursor_of_a_listing_that_somebody_discards_is_deleted(office: Office) -> None:
    await page(office)
    office.source.troubles.for_good("findings_page", Refused("lakeside", "no such scan"))
    await page(office)
    await office.context.parked.discard(f"{REF}/list", office.clock())
    assert await field(office, "cursor") == ""


@pytest.mark.parametrize("cursor", ["in another row", "under a missing key"])
async def test_a_list_whose_cursor_cannot_be_opened_begins_anew(office: Office, keyring: Keyring, cursor: str) -> None:
    await page(office)
    row = SCAN + REF if cursor == "under a missing key" else "another"
    other = Keyring.parse(generate_key()) if cursor == "under a missing key" else keyring
    await office.connection.ask(office.redis.hset(SCAN + REF, "cursor", SealedCursors(other).sealed(row, "6")))
    await office.work()
    assert len(await marked(office)) == COUNT
    assert await field(office, "state") == "done"


async def test_a_cursor_that_an_earlier_version_stored_in_clear_is_read_and_sealed(office: Office) -> None:
    await page(office)
    await office.connection.ask(office.redis.hset(SCAN + REF, "cursor", str(PAGE)))
    await page(office)
    assert (await field(office, "cursor")).startswith("sealed ")
    await office.work()
    assert set((await marked(office)).values()) == {1}
    assert len(await marked(office)) == COUNT
