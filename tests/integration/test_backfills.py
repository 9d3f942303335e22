"""A backfill: every unsolved finding of an account gets a case, once, behind what comes in, whatever dies meanwhile."""

from dataclasses import replace
from typing import Any

import pytest
from structlog.testing import capture_logs

from remediation.domain.cases.records import CaseKey, CaseKind
from remediation.domain.errors import Refused, TryLater
from remediation.domain.findings import Finding
from remediation.domain.status import Severity, Status
from remediation.queue import WORK_QUEUE, Band, Job
from remediation.sealing import Keyring
from remediation.sources.schoolscan.source import FindingSource
from remediation.store.cases.entries import Triggered
from remediation.store.cases.list_names import CaseState
from remediation.store.cases.lists import CaseFilter, CaseLists
from remediation.store.deliveries.parked import ParkedKind
from remediation.store.keys import CASE, SCAN, SCANS
from remediation.store.scans.backfills import Backfill, Backfills, BackfillState, backfill_ref
from remediation.store.scans.listing import Scans
from remediation.store.server.connection import Connection
from tests.integration.offices import Office
from tests.stand_ins import LATER
from workers.jobs.scans import page_scan

REF = backfill_ref("lakeside")
COUNT = 8
SEVERITIES = [*Severity, Severity.LOW, Severity.HIGH, Severity.CRITICAL]


def key(number: int) -> CaseKey:
    return CaseKey("lakeside", CaseKind.FINDING, f"there_{number}")


@pytest.fixture
async def office(connection: Connection, keyring: Keyring) -> Office:
    """An account with eight findings: one is resolved, one has a case."""
    office = Office(connection, keyring, page_size=3)
    office.source.findings = {
        key(number).id: Finding(key(number).id, Status.OPEN, SEVERITIES[number], detected_at=LATER)
        for number in range(COUNT)
    }
    office.source.findings[key(6).id] = replace(office.source.findings[key(6).id], status=Status.RESOLVED)
    with capture_logs():
        await office.context.todo.mark([(key(7), Band.CRITICAL)], office.clock())
        await office.work()
    return office


async def begin(office: Office, *severities: Severity, since: float | None = None) -> bool:
    return await Backfills(office.connection).begin("lakeside", severities, since, office.clock())


async def standing(office: Office) -> Backfill:
    found = await Backfills(office.connection).read("lakeside")
    assert found is not None
    return found


async def test_every_unsolved_finding_without_a_case_gets_one(office: Office) -> None:
    assert await begin(office)
    ran = await office.work()
    assert (ran.count(Job.PAGE_SCAN), ran.count(Job.LOOK_AT_CASE)) == (3, 6)
    assert len(office.jira.books) == len(office.snow.books) == 7
    found = await standing(office)
    assert (found.state, found.pages, found.marked, found.known, found.passed_over) == (BackfillState.DONE, 3, 6, 1, 1)
    assert found.listed == COUNT
    assert found.ended_at is not None
    assert await office.redis.zcard(SCANS) == 0
    assert await office.redis.ttl(SCAN + REF) > 0


async def test_a_second_one_finds_all_known_and_writes_nothing(office: Office) -> None:
    await begin(office)
    await office.work()
    written = len(office.source.updates)
    assert await begin(office)
    ran = await office.work()
    assert (ran.count(Job.LOOK_AT_CASE), len(office.source.updates)) == (0, written)
    assert ((await standing(office)).marked, (await standing(office)).known) == (0, 7)


async def test_a_district_has_one_at_a_time(office: Office) -> None:
    assert await begin(office)
    assert not await begin(office, Severity.HIGH)
    assert (await standing(office)).severities == ()
    await office.work()
    assert await begin(office, Severity.HIGH)


async def test_only_what_is_asked_for_gets_a_case(office: Office) -> None:
    await begin(office, Severity.HIGH, Severity.CRITICAL)
    await office.work()
    rows = {number for number in range(COUNT) if await office.redis.exists(CASE + key(number).ref)}
    assert rows == {0, 1, 7}


async def test_what_has_not_changed_since_is_passed_over(office: Office) -> None:
    await begin(office, since=LATER.timestamp() + 1)
    await office.work()
    assert ((await standing(office)).marked, (await standing(office)).passed_over) == (0, COUNT)


async def test_its_reads_leave_what_is_kept_for_urgent_work(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[bool] = []
    source_for = type(office.context).source_for

    def watched(self: object, ref: str, district: str, kind: CaseKind, *, urgent: bool = False) -> object:
        asked.append(urgent)
        return source_for(self, ref, district, kind, urgent=urgent)  # type: ignore[arg-type]

    monkeypatch.setattr(type(office.context), "source_for", watched)
    await begin(office)
    await page_scan(office.arq_context, REF)
    assert asked == [False]


class WorkerDied(BaseException):
    """Nothing catches it."""


@pytest.mark.parametrize("after", [0, 1, 2])
@pytest.mark.parametrize("is_marked", [False, True])
async def test_a_worker_that_dies_over_a_page_loses_nothing_and_opens_nothing_twice(
    office: Office, monkeypatch: pytest.MonkeyPatch, after: int, *, is_marked: bool
) -> None:
    await begin(office)
    for _ in range(after):
        await page_scan(office.arq_context, REF)
    mark_page = Scans.mark_page

    async def dies(self: Scans, *args: Any, **kwargs: Any) -> int:
        if is_marked:
            await mark_page(self, *args, **kwargs)
        raise WorkerDied

    with monkeypatch.context() as patch:
        patch.setattr(Scans, "mark_page", dies)
        with pytest.raises(WorkerDied):
            await page_scan(office.arq_context, REF)
    await office.redis.delete(WORK_QUEUE)
    await office.later(120)
    await office.later(120)
    assert (await standing(office)).state is BackfillState.DONE
    assert len(office.jira.books) == 7
    assert (await standing(office)).listed == COUNT


async def test_an_account_that_is_away_is_waited_for_and_one_that_refuses_is_parked(office: Office) -> None:
    office.source.troubles.once("findings_page", TryLater("lakeside", "down", status=503))
    await begin(office)
    await office.work()
    assert (await standing(office)).state is BackfillState.LISTING
    office.source.troubles.once("findings_page", Refused("lakeside", "no", status=403))
    await office.later(120)
    assert (await standing(office)).state is BackfillState.PARKED
    assert not await begin(office), "a person has to decide"
    assert [item.kind for item in (await office.parked()).values()] == [ParkedKind.SCAN]
    await office.context.parked.replay(f"{REF}/list", office.clock())
    await office.work()
    assert (await standing(office)).marked == 6


async def test_a_discarded_one_is_told_as_cancelled_and_can_begin_anew(office: Office) -> None:
    office.source.troubles.once("findings_page", Refused("lakeside", "no", status=403))
    await begin(office)
    await office.work()
    await office.context.parked.discard(f"{REF}/list", office.clock())
    assert (await standing(office)).state is BackfillState.CANCELLED
    assert await begin(office)
    await office.work()
    assert (await standing(office)).marked == 6


async def test_a_cancelled_one_lists_no_further_and_what_it_has_found_is_worked_off(office: Office) -> None:
    await begin(office)
    await page_scan(office.arq_context, REF)
    assert await Backfills(office.connection).cancel("lakeside", office.clock())
    assert (await standing(office)).state is BackfillState.CANCELLED
    await office.work()
    await office.later(600)
    assert len(office.jira.books) == 4
    assert (await standing(office)).state is BackfillState.CANCELLED
    assert await office.redis.ttl(SCAN + REF) > 0
    assert await begin(office)
    await office.work()
    assert len(office.jira.books) == 7


async def list_slowly(office: Office, monkeypatch: pytest.MonkeyPatch, error: Exception | None = None) -> None:
    """A worker lists a page, or is refused, while the backfill is cancelled and the next one is begun."""
    page = FindingSource.page

    async def slow(*args: Any) -> Any:
        found = await page(*args)
        assert await Backfills(office.connection).cancel("lakeside", office.clock())
        if error is not None:
            raise error
        office.clock.pass_by(1)
        assert await begin(office, Severity.LOW)
        return found

    with monkeypatch.context() as patch:
        patch.setattr(FindingSource, "page", slow)
        await page_scan(office.arq_context, REF)


async def test_a_worker_of_a_cancelled_one_lists_nothing_for_the_next(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    await begin(office)
    await list_slowly(office, monkeypatch)
    assert ((await standing(office)).pages, (await standing(office)).listed) == (0, 0)
    await office.work()
    found = await standing(office)
    assert (found.state, found.pages, found.marked, found.listed) == (BackfillState.DONE, 3, 2, COUNT)


async def test_a_cancelled_one_whose_list_is_refused_meanwhile_is_not_parked(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    await begin(office)
    await list_slowly(office, monkeypatch, Refused("lakeside", "no", status=403))
    assert (await standing(office)).state is BackfillState.CANCELLED
    assert await office.parked() == {}


async def test_a_timeline_says_that_a_backfill_found_it(office: Office) -> None:
    await begin(office)
    await office.work()
    entries = await office.context.timeline.read(key(0).ref)
    assert [entry.cause for entry in entries if isinstance(entry, Triggered)] == ["backfill"]


async def test_how_many_cases_wait_is_counted_on_their_lists(office: Office) -> None:
    lists = CaseLists(office.connection)
    dirty = CaseFilter(district="lakeside", state=CaseState.DIRTY)
    assert await lists.count(dirty) == 0
    await begin(office)
    await page_scan(office.arq_context, REF)
    assert await lists.count(dirty) == 3
    assert await lists.count(CaseFilter(district="elsewhere")) == 0
    await office.work()
    assert await lists.count(CaseFilter(district="lakeside")) == 7
