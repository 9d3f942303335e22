"""Looks and pages within an account's limits: what has no room waits without a worker, and nothing is written twice."""

from collections.abc import Mapping
from dataclasses import replace

import pytest

from remediation.domain.cases.identities import Identity, IdentityField
from remediation.domain.cases.records import CaseKey, CaseKind
from remediation.domain.errors import TryLater, Waiting
from remediation.domain.findings import DomainType, Finding
from remediation.domain.status import Severity, Status
from remediation.domain.subjects import subject_of
from remediation.domain.tickets import Reason, TicketState
from remediation.outbound.answers import note_answer
from remediation.queue import Band
from remediation.sealing import Keyring
from remediation.sources.schoolscan.pages import FindingsPage
from remediation.store.server.connection import Connection
from tests.integration.offices import KEY, Office
from tests.limiters import FixedWindow
from tests.stand_ins import LATER, ManualClock, MemorySource, PlainRulebook

SEVERITIES = (Severity.LOW, Severity.MEDIUM, Severity.HIGH, Severity.CRITICAL)


class LimitedSource(MemorySource):
    """An account whose answers tell the state of its limits, one of reads and one of writes."""

    def __init__(self, clock: ManualClock, *findings: Finding, reads: int, writes: int) -> None:
        super().__init__(*findings)
        self.clock = clock
        self.reads, self.writes = FixedWindow(reads), FixedWindow(writes)

    async def finding(self, finding_id: str) -> Finding:
        self.count(self.reads)
        return await super().finding(finding_id)

    async def findings_page(self, filters: Mapping[str, str], cursor: str | None) -> FindingsPage:
        self.count(self.reads)
        return await super().findings_page(filters, cursor)

    async def update_finding(self, finding_id: str, status: Status, note: str) -> None:
        self.count(self.writes)
        await super().update_finding(finding_id, status, note)

    def count(self, limiter: FixedWindow) -> None:
        passes, limit, remaining, reset = limiter.take(self.clock())
        told = {"X-RateLimit-Limit": limit, "X-RateLimit-Remaining": remaining, "X-RateLimit-Reset": reset}
        note_answer({name: str(value) for name, value in told.items()})
        if not passes:
            raise TryLater("schoolscan:lakeside", "too many", status=429, after=reset - self.clock())


@pytest.fixture
def office(connection: Connection, keyring: Keyring) -> Office:
    return Office(connection, keyring)


def limited(office: Office, count: int, *, reads: int = 300, writes: int = 60) -> LimitedSource:
    """The office's account with so many findings, of four severities in turn."""
    found = [Finding(f"fnd_{n}", Status.OPEN, SEVERITIES[n % 4], detected_at=LATER) for n in range(count)]
    source = LimitedSource(office.clock, *found, reads=reads, writes=writes)
    office.accounts["lakeside"] = office.source = source
    return source


async def mark_all(office: Office, count: int) -> None:
    bands = (Band.LOW, Band.MEDIUM, Band.HIGH, Band.CRITICAL)
    keys = [CaseKey("lakeside", CaseKind.FINDING, f"fnd_{n}") for n in range(count)]
    await office.context.todo.mark([(key, bands[n % 4]) for n, key in enumerate(keys)], office.clock())


async def play(office: Office, seconds: float, step: float = 0.25) -> None:
    """Let the rounds of a worker come by for so long."""
    for tick in range(int(seconds / step)):
        office.clock.pass_by(step)
        await office.context.budgets.release(office.clock())
        if tick % 8 == 0:
            await office.context.todo.sweep(office.clock())
        await office.work()


async def test_a_scan_is_written_within_the_limit_once_a_finding_and_worst_first(office: Office) -> None:
    source = limited(office, 40, writes=15)
    await mark_all(office, 40)
    await office.work()
    await play(office, 130)
    assert (source.writes.refused, source.reads.refused) == (0, 0)
    assert len(source.updates) == len({finding for finding, _, _ in source.updates}) == 40
    severities = [source.findings[finding].severity for finding, _, _ in source.updates]
    assert severities == sorted(severities, key=SEVERITIES.index, reverse=True)


async def test_a_case_without_room_has_its_tickets_and_waits_without_asking_again(office: Office) -> None:
    source = limited(office, 2, writes=1)
    await mark_all(office, 1)
    await office.work()
    await office.mark(CaseKey("lakeside", CaseKind.FINDING, "fnd_1"), Band.MEDIUM)
    await office.work()
    assert [finding for finding, _, _ in source.updates] == ["fnd_0"]
    assert len(office.jira.of("remedy:lakeside:finding:fnd_1")) == 1
    reads = source.reads.passed
    await play(office, 10)
    assert (source.reads.passed, source.writes.refused, await office.waiting()) == (reads, 0, [])


async def test_a_critical_finding_goes_ahead_of_all_that_wait(office: Office) -> None:
    source = limited(office, 40, writes=20)
    await mark_all(office, 40)
    await office.work()
    late = Finding("late", Status.OPEN, Severity.CRITICAL, detected_at=LATER)
    source.findings["late"] = late
    await play(office, 5)
    await office.mark(CaseKey("lakeside", CaseKind.FINDING, "late"), Band.CRITICAL)
    await office.work()
    assert source.updates[-1][0] == "late"


async def test_reads_without_room_wait_too_and_none_is_refused(office: Office) -> None:
    source = limited(office, 40, reads=12)
    await mark_all(office, 40)
    await office.work()
    await play(office, 400, step=1.0)
    assert source.reads.refused == 0
    assert len(source.updates) == 40


async def test_one_district_waits_and_another_does_not(office: Office) -> None:
    source = limited(office, 20, writes=4)
    other = LimitedSource(
        office.clock, Finding("fnd_x", Status.OPEN, Severity.LOW, detected_at=LATER), reads=9, writes=9
    )
    office.accounts["hilltop"] = other
    await mark_all(office, 20)
    await office.mark(CaseKey("hilltop", CaseKind.FINDING, "fnd_x"), Band.LOW)
    await office.work()
    assert len(source.updates) < 20
    assert [finding for finding, _, _ in other.updates] == ["fnd_x"]


NO_PLACE = TryLater("jira", "every connection is busy", waiting=Waiting.OURS)


@pytest.mark.parametrize("call", ["find", "create"])
async def test_a_note_waits_for_the_ticket_that_has_no_free_connection_yet_and_names_both(
    office: Office, call: str
) -> None:
    office.jira.troubles.once(call, NO_PLACE)
    await office.look()
    assert (len(office.snow.of(KEY.mark)), len(office.jira.of(KEY.mark)), office.source.updates) == (1, 0, [])
    await office.later(5)
    assert (len(office.tickets()), len(office.source.updates)) == (2, 1)
    assert all(ticket.key in office.source.updates[0][2] for ticket in office.tickets())


async def test_a_note_does_not_wait_for_ever_for_a_free_connection(office: Office) -> None:
    office.jira.troubles.for_good("create", NO_PLACE)
    await office.look()
    for _ in range(3):
        await office.later()
    assert len(office.source.updates) == 1


async def test_a_note_does_not_wait_for_a_tracker_that_is_away(office: Office) -> None:
    office.jira.troubles.once("find", TryLater("jira", "no answer", status=503))
    await office.look()
    assert len(office.source.updates) == 1


IDENTITY = Identity(frozenset({IdentityField.DOMAIN_TYPE}), b"test-only-key-of-an-identity-----")


async def named(office: Office, count: int) -> CaseKey:
    """All findings of the account belong to one case. The store is so old that no early search is doubted."""
    await office.connection.begin(0.001)
    book = PlainRulebook("snow", "jira")
    book.identities = {"lakeside": IDENTITY}
    office.context = replace(office.context, rulebook=book)
    for name, each in office.source.findings.items():
        office.source.findings[name] = replace(each, domain_type=DomainType.METADATA)
    home = IDENTITY.case_of("lakeside", office.source.findings["fnd_0"])
    assert home is not None
    keys = {name: CaseKey("lakeside", CaseKind.FINDING, name) for name in office.source.findings}
    subjects = [subject_of(keys[name], each) for name, each in office.source.findings.items()]
    assert len(subjects) == count
    await office.context.todo.name_members([(each, home) for each in subjects])
    await office.mark(home, Band.MEDIUM)
    return home


async def test_a_case_of_many_findings_is_written_within_the_limits_and_each_finding_once(office: Office) -> None:
    source = limited(office, 200, reads=75, writes=15)
    home = await named(office, 200)
    await office.work()
    assert len(office.jira.of(home.mark)) == 1, "the ticket waits for no finding"
    await play(office, 900, step=1.0)
    assert (source.writes.refused, source.reads.refused) == (0, 0)
    assert sorted(finding for finding, _, _ in source.updates) == sorted(source.findings)
    for tracker in (office.snow, office.jira):
        for ticket in tracker.of(home.mark):
            tracker.change(ticket.id, TicketState.DONE, Reason.FIXED, by="person-1")
    reads = source.reads.passed
    await office.mark(home, Band.MEDIUM)
    await office.work()
    await play(office, 900, step=1.0)
    assert {each.status for each in source.findings.values()} == {Status.RESOLVED}
    assert len(source.updates) == len({(finding, status) for finding, status, _ in source.updates}) == 400
    assert (source.writes.refused, source.reads.refused) == (0, 0)
    assert source.reads.passed - reads <= 2 * 200, "each finding once before its note, and one a look"


async def test_a_critical_finding_does_not_wait_for_a_case_of_many_findings(office: Office) -> None:
    source = limited(office, 100, writes=20)
    await named(office, 100)
    await office.work()
    await play(office, 5)
    source.findings["late"] = Finding("late", Status.OPEN, Severity.CRITICAL, detected_at=LATER)
    await office.mark(CaseKey("lakeside", CaseKind.FINDING, "late"), Band.CRITICAL)
    await office.work()
    assert source.updates[-1][0] == "late"
