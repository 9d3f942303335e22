"""The compliance report on the ticket that sums up a scan: one, whatever dies, the newest, and kept nowhere else."""

import contextlib
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
from structlog.testing import capture_logs
from structlog.typing import EventDict

from remediation import failpoints
from remediation.domain.cases.verification import ScanTimes
from remediation.domain.errors import BudgetSpent, NotFound, Refused, TryLater
from remediation.domain.findings import ReportFormat, ReportStatus
from remediation.domain.status import Status
from remediation.domain.tickets import Reason, TicketState
from remediation.failpoints import ON_REPORTS
from remediation.sealing import Keyring
from remediation.sources.schoolscan.scanning import Scanner
from remediation.store.cases.entries import Acted
from remediation.store.cases.forgetting import CaseForgetting
from remediation.store.keys import SCAN
from remediation.store.scans.reporting import report_ref
from remediation.store.server.connection import Connection
from tests.integration.test_scan_summaries import EVERY, FILE, KEY, ScannedOffice
from tests.integration.test_verifications import MemoryScans
from tests.stand_ins import MemoryReports, MemoryTracker

DAY = 86_400.0
TIMES = ScanTimes(timedelta(minutes=10), timedelta(hours=1), timedelta(hours=24))
REPORTED = FILE.replace(
    "    scan_summary:\n", "    scan_summary:\n      detail: restricted\n      report: {format: pdf, every: 1d}\n"
)
NO = Refused("schoolscan:lakeside", "the token may not make reports", status=403)


class ReportingOffice(ScannedOffice):
    """An office whose district's summaries have reports."""

    def __init__(self, connection: Connection, keyring: Keyring, file: str = REPORTED) -> None:
        super().__init__(connection, keyring, file)
        self.reports = MemoryReports()
        scanner = Scanner(MemoryScans(self.source), TIMES, self.reports)
        self.context = replace(self.context, scanners={"lakeside": scanner})

    async def summed_up(self) -> None:
        """The scan is completed, and its tickets are opened."""
        await self.completed()
        await self.settled()

    async def reported(self) -> None:
        """SchoolScan finishes what it was asked for, and time passes."""
        self.reports.finish()
        await self.settled()

    async def changed(self, finding_id: str = "fnd_1") -> None:
        """A finding is mended, which the next counting sees, and a day passes."""
        await self.solved(finding_id)
        await self.later(EVERY + 1)
        await self.later(DAY)

    def files(self, tracker: MemoryTracker | None = None) -> list[bytes]:
        """What is attached to the summary's tickets."""
        at = tracker or self.jira
        return [at.files[each.id] for ticket in self.summaries(at) for each in at.books[ticket.id].attached]

    def uploads(self) -> int:
        """How many files were ever attached, in both trackers."""
        return len(self.jira.files) + len(self.snow.files)


@pytest.fixture(autouse=True)
def logs() -> Iterator[list[EventDict]]:
    with capture_logs() as logs:
        yield logs


@pytest.fixture
async def office(connection: Connection, keyring: Keyring) -> ReportingOffice:
    return ReportingOffice(connection, keyring)


async def test_a_report_is_attached_once_it_is_finished_and_lies_nowhere_else(
    office: ReportingOffice, logs: list[EventDict]
) -> None:
    await office.summed_up()
    assert office.reports.asked == [("scan_2", ReportFormat.PDF)]
    assert office.files() == []
    assert await office.context.todo.dirty() == 0, "a summary does not wait for its report"
    await office.reported()
    assert (office.files(), office.files(office.snow)) == ([office.reports.content], [office.reports.content])
    assert office.uploads() == 2
    await office.settled()
    assert (office.uploads(), len(office.reports.asked)) == (2, 1)
    rows = [await office.redis.dump(key) or b"" for key in await office.redis.keys("*")]
    assert not any(b"ZZPII-report" in row for row in rows)
    assert "ZZPII-report" not in str(logs)
    timeline = await office.context.timeline.read(KEY.ref, 100)
    assert [each.outcome for each in timeline if isinstance(each, Acted) and each.action == "attach:jira"] == ["done"]
    assert all(not each.comments for each in office.jira.books.values())


async def test_the_next_report_takes_the_place_of_the_one_before_when_the_numbers_have_changed(
    office: ReportingOffice,
) -> None:
    await office.summed_up()
    await office.reported()
    office.reports.content = b"the next one"
    await office.later(2 * DAY)
    await office.reported()
    before = len(office.reports.asked)
    await office.solved("fnd_1")
    await office.later(EVERY + 1)
    await office.changed("fnd_2")
    await office.reported()
    assert len(office.reports.asked) == before + 1
    assert (office.files(), office.files(office.snow)) == ([b"the next one"], [b"the next one"])
    await office.later(2 * DAY)
    await office.reported()
    assert len(office.reports.asked) == before + 1, "nothing has changed since"


@pytest.mark.parametrize("point", ON_REPORTS)
async def test_a_worker_that_dies_leaves_one_report_on_each_ticket(office: ReportingOffice, point: str) -> None:
    failpoints.turn_on(f"{point}=raise@1")
    try:
        with contextlib.suppress(failpoints.FailpointReached):
            await office.completed()
        for _ in range(12):
            with contextlib.suppress(failpoints.FailpointReached):
                await office.later(100.0)
            office.reports.finish()
    finally:
        failpoints.turn_off()
    await office.settled()
    assert (len(office.files()), len(office.files(office.snow))) == (1, 1)
    assert office.uploads() == 2
    assert await office.context.todo.dirty() == 0
    assert not await office.parked()


async def test_an_answer_that_is_lost_leaves_one_report(office: ReportingOffice) -> None:
    await office.summed_up()
    office.jira.troubles.once("report_kept", TryLater("jira", "no answer", ambiguous=True))
    await office.reported()
    assert (len(office.files()), office.uploads()) == (1, 2)
    assert (await office.record(KEY)).memory.attached.keys() == {"jira", "snow"}


async def test_what_a_tracker_refuses_is_parked_and_told_and_the_numbers_go_on(office: ReportingOffice) -> None:
    await office.summed_up()
    office.jira.troubles.for_good("keep_report", Refused("jira", "Attachments are disabled.", status=403))
    await office.reported()
    (name,) = await office.parked()
    assert name == f"{KEY.ref}/attach:jira"
    (ticket,) = office.summaries()
    (comment,) = office.jira.books[ticket.id].comments
    assert "attach jira: Attachments are disabled." in comment
    assert len(office.files(office.snow)) == 1
    await office.changed()
    assert "- Resolved: 1" in office.text()
    await office.reported()
    assert len(office.reports.asked) == 2, "the other tracker takes it"
    office.jira.troubles.heal()
    await office.context.parked.replay(name, office.clock())
    await office.work()
    assert (len(office.files()), await office.parked()) == (1, {})


async def test_a_report_that_schoolscan_refuses_is_parked_and_the_summary_goes_on(office: ReportingOffice) -> None:
    office.reports.troubles.once("generate_report", NO)
    await office.summed_up()
    assert list(await office.parked()) == [f"{report_ref(KEY)}/list"]
    timeline = await office.context.timeline.read(KEY.ref, 100)
    assert [each.outcome for each in timeline if isinstance(each, Acted) and each.action == "report"] == ["refused"]
    await office.changed()
    assert "- Resolved: 1" in office.text()
    assert office.reports.asked == []
    await office.context.parked.replay(f"{report_ref(KEY)}/list", office.clock())
    await office.work()
    await office.reported()
    assert len(office.files()) == 1


async def test_what_cannot_be_fetched_is_parked_without_schoolscans_words(office: ReportingOffice) -> None:
    await office.summed_up()
    words = "the report's signed address is on files.example, which download_hosts does not name"
    office.reports.troubles.for_good("fetch_report", Refused("schoolscan:lakeside", words))
    await office.reported()
    assert set(await office.parked()) == {f"{KEY.ref}/attach:jira", f"{KEY.ref}/attach:snow"}
    (ticket,) = office.summaries()
    assert "attach jira: SchoolScan's report cannot be fetched" in office.jira.books[ticket.id].comments[0]
    assert "files.example" not in str(office.jira.books)
    await office.changed()
    assert len(office.reports.asked) == 1, "no tracker would take another one"


async def test_a_report_that_fails_is_asked_for_again_some_times(office: ReportingOffice) -> None:
    await office.summed_up()
    for _ in range(8):
        office.reports.finish(ReportStatus.FAILED)
        await office.later(100.0)
    assert len(office.reports.asked) == 3
    (item,) = (await office.parked()).values()
    assert item.words == "nothing came of 3 reports in a row"


async def test_a_report_that_is_gone_is_made_anew(office: ReportingOffice) -> None:
    await office.summed_up()
    office.reports.finish()
    office.reports.troubles.once("fetch_report", NotFound("schoolscan:lakeside", "no such report", status=404))
    for _ in range(3):
        await office.reported()
    assert len(office.reports.asked) == 2
    assert (len(office.files()), len(office.files(office.snow))) == (1, 1)
    assert not await office.parked()


async def test_a_spent_budget_puts_each_step_off_and_loses_none(office: ReportingOffice) -> None:
    for call in ("generate_report", "report", "fetch_report"):
        spent = BudgetSpent("schoolscan:lakeside", "schoolscan:lakeside/read", after=30.0, behind=0.0)
        office.reports.troubles.once(call, spent)
    await office.summed_up()
    for _ in range(3):
        await office.reported()
    assert (len(office.files()), len(office.reports.asked)) == (1, 1)


async def test_a_closed_summary_gets_no_report(office: ReportingOffice) -> None:
    await office.summed_up()
    for tracker in (office.jira, office.snow):
        (ticket,) = office.summaries(tracker)
        tracker.change(ticket.id, TicketState.DONE, Reason.FIXED, "person")
    await office.mark(KEY)
    await office.reported()
    assert office.uploads() == 0
    assert (await office.record(KEY)).memory.finding is Status.RESOLVED


async def test_a_ticket_that_takes_the_place_of_a_deleted_one_gets_the_report_too(office: ReportingOffice) -> None:
    await office.summed_up()
    await office.reported()
    (ticket,) = office.summaries()
    kept = office.jira.books[ticket.id]
    kept.ticket = replace(ticket, state=TicketState.GONE, mark=None)
    await office.mark(KEY)
    await office.work()
    await office.settled()
    assert [each.id for each in office.summaries()] != [ticket.id]
    assert (len(office.files()), len(office.reports.asked)) == (1, 1)


async def test_a_file_that_asks_for_no_report_any_more_has_none_made(
    connection: Connection, keyring: Keyring, office: ReportingOffice
) -> None:
    await office.summed_up()
    plain = ReportingOffice(connection, keyring, FILE)
    office.context = replace(office.context, rulebook=plain.context.rulebook)
    await office.reported()
    row = await office.connection.ask(office.redis.hgetall(SCAN + report_ref(KEY)))
    assert (office.uploads(), row[b"state"], b"ready" in row) == (0, b"done", False)


async def test_a_worker_holds_one_report_at_a_time(office: ReportingOffice) -> None:
    await office.summed_up()
    office.reports.finish()
    async with office.context.report_turn:
        await office.later(50.0)
        assert office.uploads() == 0
    await office.settled()
    assert office.uploads() == 2
    assert not office.context.report_turn.locked()


async def test_a_case_that_is_forgotten_takes_what_is_kept_of_its_report_along(office: ReportingOffice) -> None:
    await office.summed_up()
    await office.reported()
    assert await office.redis.exists(SCAN + report_ref(KEY)) == 1
    deleted = await CaseForgetting(office.connection).forget(KEY.ref)
    assert deleted.counts["scans"] == 2
    assert await office.redis.exists(SCAN + report_ref(KEY)) == 0
