"""The ticket that sums up a scan: one for each, whatever is repeated or dies, in numbers, and kept up to date."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import count

import pytest
from structlog.testing import capture_logs

from remediation import failpoints
from remediation.deliveries.events import SCHOOLSCAN
from remediation.domain.cases.records import CaseKey, CaseKind, key_of_ref
from remediation.domain.errors import NotFound, Refused, TryLater
from remediation.domain.findings import DomainType, Finding, Scan, ScanStatus
from remediation.domain.status import Severity, Status
from remediation.domain.tickets import Reason, Ticket, TicketState
from remediation.mapping.reading.loading import loaded_of
from remediation.ports import ListedSource, SourceKey
from remediation.queue import WORK_QUEUE, Job
from remediation.rulebook import MappingsRulebook
from remediation.sealing import Keyring
from remediation.sources.schoolscan.source import FindingSource
from remediation.sources.schoolscan.summaries import SummarySource
from remediation.store.cases.forgetting import CaseForgetting
from remediation.store.keys import SCAN
from remediation.store.scans.counting import ScanNumbers, count_ref
from remediation.store.scans.reporting import ScanReports
from remediation.store.server.connection import Connection
from tests.integration.offices import JOBS, Office
from tests.stand_ins import LATER, MemoryTracker
from workers.jobs.deliveries import read_delivery
from workers.jobs.scans import page_scan

KEY = CaseKey("lakeside", CaseKind.SUMMARY, "scan_2")
SITE = "zzpii-site.example"
BEGAN = LATER + timedelta(hours=1)
EVERY = 900.0
NUMBERS = count()
FILE = """\
version: 1
districts:
  lakeside:
    schoolscan: {token: {env: T}, webhook: {secrets: [{env: S}]}}
    scan_summary:
      tickets:
        jira: {project: SEC, type: Epic, labels: [scan], priority: Medium}
        snow: {assignment_group: Privacy}
trackers:
  jira: {kind: jira, url: "https://jira.example", auth: {bearer: {env: J}}, deployment: data_center}
  snow: {kind: servicenow, url: "https://snow.example", auth: {bearer: {env: N}}}
templates: {body: "{{ finding.id }}"}
rules: [{name: all, tickets: {jira: {project: SEC}}}]
"""


class Scans:
    """The scans of an account."""

    def __init__(self, *scans: Scan) -> None:
        self.kept = {scan.id: scan for scan in scans}
        self.asked: list[str] = []

    async def scan(self, scan_id: str) -> Scan:
        self.asked.append(scan_id)
        if scan_id not in self.kept:
            raise NotFound("schoolscan:lakeside", "no such scan", status=404)
        return self.kept[scan_id]

    async def scans(
        self, *, status: str | None = None, domain: str | None = None, created_after: datetime | None = None
    ) -> AsyncIterator[Scan]:
        assert (status, domain) == ("completed", SITE)
        assert created_after is not None
        for scan in self.kept.values():
            yield scan


def finding(number: int, severity: Severity, detected: datetime = BEGAN, scan_id: str = "scan_2") -> Finding:
    return Finding(
        f"fnd_{number}",
        Status.OPEN,
        severity,
        DomainType.METADATA if number % 2 else DomainType.DIRECT_PII,
        scan_id=scan_id,
        title="ZZPII-title",
        url=f"https://{SITE}/ZZPII-page",
        site=SITE,
        detected_at=detected,
    )


async def complete(office: Office, scan_id: str) -> None:
    """SchoolScan says that the scan is completed, and the delivery is read."""
    event = f"evt_{scan_id}_{next(NUMBERS)}"
    body = json.dumps({"id": event, "type": "scan.completed", "data": {"scan_id": scan_id}}).encode()
    await office.context.inbox.accept(event, SCHOOLSCAN, "lakeside", body, office.clock())
    await read_delivery(office.arq_context, event)
    for job in await office.waiting():
        if job.startswith(Job.READ_DELIVERY):
            await office.redis.zrem(WORK_QUEUE, job)


class ScannedOffice(Office):
    """An office whose district has had two scans of one site, with three findings in the second."""

    def __init__(self, connection: Connection, keyring: Keyring, file: str = FILE) -> None:
        super().__init__(connection, keyring, page_size=2)
        before, own = "scan_1", "scan_2"
        ended = ScanStatus.COMPLETED
        self.scans = Scans(
            Scan(before, ended, SITE, BEGAN - timedelta(days=7), BEGAN - timedelta(days=6), overall_grade="C"),
            Scan(own, ended, SITE, BEGAN, BEGAN + timedelta(hours=2), pages_scanned=247, overall_grade="B"),
        )
        self.source.findings = {
            each.id: each
            for each in (
                finding(1, Severity.CRITICAL),
                finding(2, Severity.LOW, BEGAN - timedelta(days=7)),
                finding(3, Severity.HIGH),
            )
        }
        sources: dict[SourceKey, ListedSource] = {
            ("lakeside", CaseKind.FINDING): FindingSource("lakeside", self.source),
            ("lakeside", CaseKind.SUMMARY): SummarySource(
                "lakeside", self.scans, ScanNumbers(connection), ScanReports(connection)
            ),
        }
        rulebook = MappingsRulebook(loaded_of(file, "mappings.yaml").mappings)
        self.context = replace(self.context, sources=sources, rulebook=rulebook)

    async def count_a_page(self) -> None:
        """The time for another counting has come, and its first page is read, and no more."""
        self.clock.pass_by(EVERY + 1)
        await self.context.todo.sweep(self.clock())
        first = [job for job in await self.waiting() if job.startswith("page_scan")]
        await self.redis.zrem(WORK_QUEUE, *first)
        await page_scan(self.arq_context, count_ref(KEY))

    async def completed(self, scan_id: str = "scan_2") -> list[str]:
        """SchoolScan says that the scan is completed, and workers work until there is nothing left."""
        await self.told_of(scan_id)
        return await self.work()

    async def told_of(self, scan_id: str = "scan_2") -> None:
        await complete(self, scan_id)

    async def settled(self) -> None:
        """Time passes until nothing waits any more."""
        for _ in range(4):
            await self.later(200.0)

    async def solved(self, finding_id: str) -> None:
        """A person mends what was found, and closes its ticket."""
        key = CaseKey("lakeside", CaseKind.FINDING, finding_id)
        (ticket,) = self.jira.of(key.mark)
        self.jira.change(ticket.id, TicketState.DONE, Reason.FIXED, "person")
        await self.mark(key)
        await self.work()

    def summaries(self, tracker: MemoryTracker | None = None) -> list[Ticket]:
        return (tracker or self.jira).of(KEY.mark)

    def text(self, tracker: MemoryTracker | None = None) -> str:
        at = tracker or self.jira
        (ticket,) = at.of(KEY.mark)
        return at.books[ticket.id].description

    def lists_written(self) -> int:
        return sum(call == "list_kept" for each in (self.jira, self.snow) for call in each.troubles.calls)


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    with capture_logs():
        yield


@pytest.fixture
async def office(connection: Connection, keyring: Keyring) -> ScannedOffice:
    return ScannedOffice(connection, keyring)


async def test_a_completed_scan_gets_one_ticket_in_each_tracker_with_its_numbers(office: ScannedOffice) -> None:
    await office.completed()
    await office.settled()
    for tracker in (office.jira, office.snow):
        (ticket,) = office.summaries(tracker)
        draft = tracker.books[ticket.id].draft
        assert draft.summary == "Scan scan_2: 3 findings, grade B (lakeside:summary:scan_2)"
        text = office.text(tracker)
        for line in (
            "3 found, 3 to do",
            "- Grade: B, and C in the scan before",
            "- To do: 3 (1 critical, 1 high, 1 low)",
            "- All by type: 3 (1 direct_pii, 2 metadata)",
            "- New in this scan: 2, found again: 1",
        ):
            assert line in text
        assert "zzpii" not in f"{draft}{text}".lower()
    assert await office.context.todo.dirty() == 0


async def test_what_changes_is_written_once_and_not_before_its_time(office: ScannedOffice) -> None:
    await office.completed()
    await office.settled()
    office.clock.pass_by(EVERY)
    await office.settled()
    assert "- With a ticket: 3" in office.text()
    assert office.text().count(": critical, to do") == 1
    (worst,) = office.jira.of(CaseKey("lakeside", CaseKind.FINDING, "fnd_1").mark)
    assert f"- {worst.key}: critical, to do" in office.text(office.snow)
    before = office.lists_written()
    await office.solved("fnd_1")
    await office.solved("fnd_2")
    assert office.lists_written() == before
    await office.later(EVERY + 1)
    assert "- Resolved: 2" in office.text()
    assert "3 found, 1 to do" in office.text(office.snow)
    assert office.lists_written() == before + 2, "both changes at once, one write in each tracker"
    await office.later(EVERY + 1)
    await office.settled()
    assert office.lists_written() == before + 2
    assert await office.context.todo.dirty() == 0
    assert await office.redis.zcard("remedy:scans") == 0


async def test_a_change_while_a_scan_is_counted_is_counted_after_it(office: ScannedOffice) -> None:
    await office.completed()
    await office.settled()
    await office.later(EVERY + 1)
    await office.settled()
    await office.solved("fnd_1")
    office.clock.pass_by(EVERY + 1)
    await office.context.todo.sweep(office.clock())
    first = [job for job in await office.waiting() if job.startswith("page_scan")]
    assert len(first) == 1
    await office.redis.zrem(WORK_QUEUE, *first)
    await page_scan(office.arq_context, count_ref(KEY))
    await office.solved("fnd_2")
    await office.work()
    assert "- Resolved: 1" in office.text()
    await office.later(EVERY + 1)
    assert "- Resolved: 2" in office.text()


async def test_repeated_news_and_a_wipe_open_no_second_summary(office: ScannedOffice) -> None:
    await office.completed()
    await office.completed()
    await office.settled()
    await office.redis.flushall()
    await office.completed()
    await office.settled()
    await office.later(EVERY + 1)
    assert (len(office.summaries()), len(office.summaries(office.snow))) == (1, 1)


async def test_after_a_wipe_a_look_has_the_scan_counted_before_it_says_anything(office: ScannedOffice) -> None:
    await office.completed()
    await office.settled()
    await office.redis.flushall()
    office.source.set_status("fnd_1", Status.RESOLVED)
    await office.mark(KEY)
    await office.work()
    await office.settled()
    assert "3 found, 2 to do" in office.text()
    assert (len(office.summaries()), len(office.summaries(office.snow))) == (1, 1)


@pytest.mark.parametrize("at", ["intent_written", "reply_received", "link_written", "observed", "remembered"])
async def test_a_worker_that_dies_while_it_opens_a_summary_opens_no_second_one(office: ScannedOffice, at: str) -> None:
    office.source.findings.clear()
    failpoints.turn_on(f"{at}=raise@1")
    try:
        await office.told_of()
        for _ in range(6):
            with contextlib.suppress(failpoints.FailpointReached):
                await office.work()
            await office.later(100.0)
    finally:
        failpoints.turn_off()
    await office.settled()
    assert (len(office.summaries()), len(office.summaries(office.snow))) == (1, 1)
    assert "0 found, 0 to do" in office.text()


async def test_an_answer_that_is_lost_opens_no_second_summary(office: ScannedOffice) -> None:
    office.source.findings.clear()
    office.jira.troubles.once("created", TryLater("jira", "no answer", ambiguous=True))
    await office.completed()
    assert len(office.summaries()) == 1
    await office.settled()
    assert len(office.summaries()) == 1
    assert (await office.record(KEY)).links.keys() == {"jira", "snow"}


async def test_a_summary_that_people_close_stays_closed_and_nothing_is_asked(office: ScannedOffice) -> None:
    await office.completed()
    await office.settled()
    for tracker in (office.jira, office.snow):
        (ticket,) = office.summaries(tracker)
        tracker.change(ticket.id, TicketState.DONE, Reason.CANCELLED, "person")
    await office.mark(KEY)
    await office.work()
    record = await office.record(KEY)
    assert record.memory.finding is Status.RESOLVED
    assert record.is_at_its_end
    before = office.lists_written()
    await office.solved("fnd_1")
    await office.completed()
    await office.later(EVERY + 1)
    await office.settled()
    (ticket,) = office.summaries()
    assert not ticket.state.is_active
    assert office.lists_written() == before
    assert not office.jira.books[ticket.id].comments


async def test_a_summary_that_is_opened_again_is_kept_up_to_date_again(office: ScannedOffice) -> None:
    await office.completed()
    await office.settled()
    for tracker in (office.jira, office.snow):
        (ticket,) = office.summaries(tracker)
        tracker.change(ticket.id, TicketState.DONE, Reason.FIXED, "person")
    await office.mark(KEY)
    await office.work()
    await office.solved("fnd_1")
    (ticket,) = office.summaries()
    office.jira.change(ticket.id, TicketState.OPEN)
    await office.mark(KEY)
    await office.work()
    await office.later(EVERY + 1)
    assert "- Resolved: 1" in office.text()


async def closing(connection: Connection, keyring: Keyring) -> ScannedOffice:
    """All findings of a scan are solved, under a file that has summaries closed then."""
    file = FILE.replace("    scan_summary:\n", "    scan_summary:\n      close: solved\n")
    office = ScannedOffice(connection, keyring, file)
    await office.completed()
    await office.settled()
    for finding_id in ("fnd_1", "fnd_2"):
        await office.solved(finding_id)
    await office.later(EVERY + 1)
    assert all(ticket.state.is_active for ticket in office.summaries())
    await office.solved("fnd_3")
    return office


def closed(office: ScannedOffice) -> list[bool]:
    tickets = [*office.summaries(), *office.summaries(office.snow)]
    return [not ticket.state.is_active for ticket in tickets]


async def test_a_summary_is_closed_once_all_is_solved_where_the_file_says_so(
    connection: Connection, keyring: Keyring
) -> None:
    office = await closing(connection, keyring)
    await office.later(EVERY + 1)
    assert closed(office) == [True, True]
    assert "3 found, 0 to do" in office.text()
    (ticket,) = office.summaries()
    assert office.jira.books[ticket.id].comments[-1].startswith("Nothing is left to do about the findings of this scan")
    assert (await office.record(KEY)).is_at_its_end
    await office.settled()
    assert await office.context.todo.dirty() == 0


async def test_a_summary_that_a_person_opens_again_is_not_closed_a_second_time(
    connection: Connection, keyring: Keyring
) -> None:
    office = await closing(connection, keyring)
    await office.later(EVERY + 1)
    for tracker in (office.jira, office.snow):
        (ticket,) = office.summaries(tracker)
        tracker.change(ticket.id, TicketState.OPEN)
    for _ in range(2):
        await office.mark(KEY)
        await office.work()
        await office.later(EVERY + 1)
    assert closed(office) == [False, False]
    office.source.set_status("fnd_1", Status.OPEN)
    await office.mark(CaseKey("lakeside", CaseKind.FINDING, "fnd_1"))
    await office.work()
    await office.later(EVERY + 1)
    assert "3 found, 1 to do" in office.text()
    await office.solved("fnd_1")
    await office.later(EVERY + 1)
    assert closed(office) == [True, True], "what changed since is news"


@pytest.mark.parametrize("call", ["list_kept", "resolve"])
@pytest.mark.parametrize("error", [TryLater("jira", "no answer", ambiguous=True), RuntimeError("the look ends here")])
async def test_a_closing_that_is_cut_off_is_gone_on_with(
    connection: Connection, keyring: Keyring, call: str, error: Exception
) -> None:
    office = await closing(connection, keyring)
    office.jira.troubles.once(call, error)
    with contextlib.suppress(RuntimeError):
        await office.later(EVERY + 1)
    await office.settled()
    assert closed(office) == [True, True]
    assert "3 found, 0 to do" in office.text()
    assert "3 found, 0 to do" in office.text(office.snow)


async def test_findings_get_their_tickets_where_the_scan_itself_cannot_be_read(office: ScannedOffice) -> None:
    async def refuse(scan_id: str) -> Scan:
        raise Refused("schoolscan:lakeside", f"not for you: {scan_id}", status=403)

    office.scans.scan = refuse  # type: ignore[method-assign]
    await office.completed()
    await office.settled()
    assert len(office.jira.books) == 3
    assert f"{count_ref(KEY)}/list" in await office.parked()


async def test_pages_and_looks_that_several_workers_take_at_once_count_once(office: ScannedOffice) -> None:
    await office.told_of()
    for _ in range(60):
        if not (jobs := await office.waiting()):
            break
        await office.redis.zrem(WORK_QUEUE, *jobs)
        for job in jobs:
            name, _, rest = job.partition(":")
            ref = rest.rpartition(":")[0]
            await asyncio.gather(*(JOBS[name](office.arq_context, ref) for _ in range(3)))
    await office.settled()
    assert (len(office.summaries()), len(office.summaries(office.snow))) == (1, 1)
    assert "3 found, 3 to do" in office.text()


async def test_a_scan_that_schoolscan_has_no_more_is_told_once_and_left_to_people(office: ScannedOffice) -> None:
    await office.completed()
    await office.settled()
    del office.scans.kept["scan_2"]
    for _ in range(2):
        await office.mark(KEY)
        await office.work()
    (ticket,) = office.summaries()
    assert ticket.state.is_active
    (comment,) = office.jira.books[ticket.id].comments
    assert comment.startswith("SchoolScan no longer has this scan")
    for tracker in (office.jira, office.snow):
        (ticket,) = office.summaries(tracker)
        tracker.change(ticket.id, TicketState.DONE, Reason.NONE, "person")
    await office.mark(KEY)
    await office.work()
    assert (await office.record(KEY)).is_at_its_end


async def test_a_summary_that_was_deleted_is_opened_anew_and_once(office: ScannedOffice) -> None:
    await office.completed()
    await office.settled()
    (ticket,) = office.summaries()
    office.jira.change(ticket.id, TicketState.GONE)
    for _ in range(2):
        await office.mark(KEY)
        await office.work()
        await office.settled()
    assert [each.state for each in office.summaries()] == [TicketState.GONE, TicketState.OPEN]
    assert len(office.summaries(office.snow)) == 1


async def test_a_district_that_wants_no_summaries_any_more_keeps_those_that_it_has(office: ScannedOffice) -> None:
    await office.completed()
    await office.settled()
    before = office.lists_written()
    office.context = replace(office.context, rulebook=MappingsRulebook(loaded_of(without(FILE), "m").mappings))
    await office.solved("fnd_1")
    await office.completed()
    await office.later(EVERY + 1)
    for tracker in (office.jira, office.snow):
        (ticket,) = office.summaries(tracker)
        tracker.change(ticket.id, TicketState.DONE, Reason.FIXED, "person")
    await office.mark(KEY)
    await office.work()
    assert office.lists_written() == before
    assert (await office.record(KEY)).is_at_its_end


def without(file: str) -> str:
    """The file without a summary."""
    lines = [line for line in file.splitlines() if not line.startswith(("    scan_summary:", "      ", "        "))]
    return "\n".join(lines)


async def test_a_scan_that_is_not_completed_or_not_asked_for_gets_no_summary(
    office: ScannedOffice, connection: Connection, keyring: Keyring
) -> None:
    office.scans.kept["scan_2"] = replace(office.scans.kept["scan_2"], status=ScanStatus.RUNNING)
    await office.completed()
    await office.settled()
    assert office.summaries() == []
    other = ScannedOffice(connection, keyring, without(FILE))
    await connection.redis.flushall()
    await other.completed()
    await other.settled()
    assert other.summaries() == []
    assert await other.redis.exists(SCAN + count_ref(KEY)) == 0


async def test_the_site_stands_in_a_summary_that_is_restricted(connection: Connection, keyring: Keyring) -> None:
    restricted = FILE.replace("    scan_summary:\n", "    scan_summary:\n      detail: restricted\n")
    office = ScannedOffice(connection, keyring, restricted)
    await office.completed()
    await office.settled()
    (ticket,) = office.summaries()
    assert f"Site: {SITE}" in office.jira.books[ticket.id].draft.body


@pytest.fixture
async def grouped(connection: Connection, keyring: Keyring) -> ScannedOffice:
    """An office in which findings of two scans share one ticket; the worst of them is of the other scan."""
    await connection.begin(0.001)
    file = FILE.replace("{name: all, ", "{name: all, group_by: [domain_type], ")
    office = ScannedOffice(connection, keyring, file)
    other = finding(5, Severity.CRITICAL, BEGAN + timedelta(minutes=1), "scan_1")
    findings = {**office.source.findings, "fnd_5": other}
    office.source.findings = {name: replace(each, domain_type=DomainType.METADATA) for name, each in findings.items()}
    return office


async def test_the_closing_of_a_groups_ticket_is_counted_for_every_scan_of_its_findings(grouped: ScannedOffice) -> None:
    await grouped.completed("scan_1")
    await grouped.completed()
    await grouped.settled()
    (group,) = groups_of(grouped)
    (ticket,) = grouped.jira.of(group.mark)
    grouped.jira.change(ticket.id, TicketState.DONE, Reason.FIXED, "person")
    await grouped.mark(group)
    await grouped.work()
    assert {each.status for each in grouped.source.findings.values()} == {Status.RESOLVED}
    await grouped.later(EVERY + 1)
    assert "- Resolved: 3" in grouped.text()


async def test_a_finding_of_a_group_that_is_ticked_off_is_counted(grouped: ScannedOffice) -> None:
    await grouped.completed("scan_1")
    await grouped.completed()
    await grouped.settled()
    await grouped.later(EVERY + 1)
    solved = replace(grouped.source.findings["fnd_3"], status=Status.RESOLVED)
    grouped.source.findings["fnd_3"] = solved
    await grouped.mark(CaseKey("lakeside", CaseKind.FINDING, "fnd_3"))
    await grouped.work()
    await grouped.later(EVERY + 1)
    assert "- Resolved: 1" in grouped.text()


async def test_the_tickets_of_groups_are_counted_also_after_the_rule_has_lost_its_word(grouped: ScannedOffice) -> None:
    await grouped.completed()
    await grouped.settled()
    rulebook = MappingsRulebook(loaded_of(FILE, "mappings.yaml").mappings)
    grouped.context = replace(grouped.context, rulebook=rulebook)
    await grouped.context.countings.begin(KEY, grouped.clock(), EVERY)
    await grouped.later(EVERY + 1)
    assert "- With a ticket: 3" in grouped.text()


def groups_of(office: ScannedOffice) -> list[CaseKey]:
    """The cases of groups that have a ticket."""
    marks = {kept.ticket.mark or "" for kept in office.jira.books.values()}
    keys = [key_of_ref(mark.removeprefix("remedy:")) for mark in marks if ":group-" in mark]
    return [key for key in keys if key is not None]


async def test_a_summary_that_is_deleted_takes_its_numbers_with_it_and_does_not_come_back(
    office: ScannedOffice,
) -> None:
    await office.completed()
    await office.settled()
    await office.later(EVERY + 1)
    await office.settled()
    deleted = await CaseForgetting(office.connection).forget(KEY.ref)
    assert deleted.counts["scans"] == 1
    assert not await office.redis.keys(f"remedy:*{count_ref(KEY)}*")
    await office.solved("fnd_1")
    await office.later(EVERY + 1)
    assert not await office.context.todo.is_known(KEY.ref)


async def test_a_change_while_the_counting_is_parked_is_counted_once_it_is_replayed(office: ScannedOffice) -> None:
    await office.completed()
    await office.settled()
    await office.later(EVERY + 1)
    await office.settled()
    await office.solved("fnd_3")
    await office.count_a_page()
    office.source.troubles.once("findings_page", Refused("schoolscan:lakeside", "not allowed", status=403))
    await office.work()
    assert f"{count_ref(KEY)}/list" in await office.parked()
    await office.solved("fnd_1")
    await office.context.parked.replay(f"{count_ref(KEY)}/list", office.clock())
    await office.work()
    await office.later(EVERY + 1)
    assert "- Resolved: 2" in office.text()


async def test_a_scan_is_counted_anew_where_another_version_has_counted_its_first_pages(office: ScannedOffice) -> None:
    await office.completed()
    await office.settled()
    await office.later(EVERY + 1)
    await office.settled()
    await office.solved("fnd_1")
    await office.count_a_page()
    await office.connection.ask(office.redis.hset(f"{SCAN}{count_ref(KEY)}", "tallied", "unheard/of=3"))
    await office.work()
    assert "- Resolved: 1" in office.text()
    assert "3 found, 2 to do" in office.text()
