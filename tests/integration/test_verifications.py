"""Verifying by scanning again: from a closed ticket to the word of the scan, on a real store, with stand-ins."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from structlog.testing import capture_logs

from remediation import failpoints
from remediation.domain.cases.identities import Identity, IdentityField
from remediation.domain.cases.records import CaseKey, CaseKind
from remediation.domain.cases.verification import MOST_TRIES, ScanTimes, ScanVerdict
from remediation.domain.errors import NotFound, OutsideError, Refused, TryLater
from remediation.domain.findings import Finding, Scan, ScanStatus
from remediation.domain.policy import Policy
from remediation.domain.status import Severity, Status
from remediation.domain.tickets import Reason, TicketState
from remediation.failpoints import ON_VERIFICATIONS
from remediation.sealing import Keyring, generate_key
from remediation.sources.schoolscan.scanning import Scanner
from remediation.store.cases.forgetting import CaseForgetting
from remediation.store.districts import DistrictForgetting
from remediation.store.keys import CASE, VERIFICATION, VERIFICATION_CASES, VERIFICATIONS
from remediation.store.server.connection import Connection
from remediation.store.verifications import Stage, verification_figures
from tests.integration.offices import KEY, Office
from tests.stand_ins import LATER, MemoryReports, MemorySource, PlainRulebook, Troubles
from workers.rounds.verifying import verify_sites

HOST = "www.lakeside.example"
TIMES = ScanTimes(timedelta(minutes=10), timedelta(hours=1), timedelta(hours=24))
BUSY = TryLater("schoolscan:lakeside", "busy", status=503)
LOST = TryLater("schoolscan:lakeside", "no answer", ambiguous=True)
NO = Refused("schoolscan:lakeside", "the domain is not registered", status=400)


class MemoryScans:
    """A district's scans. One that is started finds, when it is completed, what is `there`."""

    def __init__(self, source: MemorySource) -> None:
        self.troubles, self.source = Troubles(), source
        self.kept: dict[str, Scan] = {"scan_0": Scan("scan_0", ScanStatus.COMPLETED, HOST)}
        self.there: set[str] = set()
        self.opens = False
        self.takes_filters = True

    async def scan(self, scan_id: str) -> Scan:
        self.troubles.meet("scan")
        if scan_id not in self.kept:
            raise NotFound("schoolscan:lakeside", "no such scan", status=404)
        return self.kept[scan_id]

    async def scans(
        self, *, status: str | None = None, domain: str | None = None, created_after: datetime | None = None
    ) -> tuple[Scan, ...]:
        del created_after
        self.troubles.meet("scans")
        domain = domain if self.takes_filters else None
        return tuple(
            each for each in self.kept.values() if status in {None, each.status} and domain in {None, each.domain}
        )

    async def start_scan(self, domain: str) -> str:
        self.troubles.meet("start_scan")
        scan_id = f"scan_{len(self.kept)}"
        self.kept[scan_id] = Scan(scan_id, ScanStatus.RUNNING, domain)
        self.troubles.meet("scan_started")
        return scan_id

    async def cancel_scan(self, scan_id: str) -> None:
        self.troubles.meet("cancel_scan")
        self.end(scan_id, ScanStatus.CANCELLED)

    def end(
        self,
        scan_id: str,
        status: ScanStatus = ScanStatus.COMPLETED,
        *,
        pages: int | None = None,
        findings: int | None = None,
    ) -> None:
        self.kept[scan_id] = replace(
            self.kept[scan_id],
            status=status,
            completed_at=datetime.now(UTC),
            pages_scanned=pages,
            findings_count=findings,
        )
        for name in self.there if status is ScanStatus.COMPLETED else ():
            found = self.source.findings[name]
            self.source.findings[name] = replace(
                found, scan_id=scan_id, status=Status.OPEN if self.opens else found.status
            )

    def started(self) -> list[str]:
        return [name for name in self.kept if name != "scan_0"]


class VerifyingOffice(Office):
    """An office whose rule verifies, and whose account can scan. Its finding was found by `scan_0`."""

    def __init__(self, connection: Connection, keyring: Keyring) -> None:
        super().__init__(
            connection, keyring, rulebook=PlainRulebook("snow", "jira", terms=Policy(rule="mended", verifies=True))
        )
        self.find("fnd_1")
        self.scans = MemoryScans(self.source)
        self.context = replace(self.context, scanners={"lakeside": Scanner(self.scans, TIMES, MemoryReports())})

    def find(self, name: str) -> CaseKey:
        """A finding on the site."""
        self.source.findings[name] = Finding(
            name, Status.OPEN, Severity.HIGH, scan_id="scan_0", site=HOST, detected_at=LATER
        )
        return CaseKey("lakeside", CaseKind.FINDING, name)

    async def mend(self, key: CaseKey = KEY, reason: Reason = Reason.FIXED) -> None:
        """Tickets are opened, a person closes them, and a worker hears of that."""
        await self.mark(key)
        await self.work()
        self.close(key, reason)
        await self.mark(key)
        await self.work()

    def close(self, key: CaseKey = KEY, reason: Reason = Reason.FIXED) -> None:
        for tracker in (self.snow, self.jira):
            for ticket in tracker.of(key.mark):
                tracker.change(ticket.id, TicketState.DONE, reason, by="person")

    async def round(self, seconds: float = 0.0) -> None:
        """Time passes, the round comes, and workers look at what it has woken."""
        self.clock.pass_by(seconds)
        await verify_sites(self.arq_context)
        await self.context.todo.sweep(self.clock())
        await self.work()

    def notes(self) -> list[tuple[Status, str]]:
        return [(status, note.split()[0]) for _, status, note in self.source.updates]

    async def site(self) -> tuple[Stage, list[str]]:
        names = [each.decode() for each in await self.redis.zrange(VERIFICATIONS, 0, -1)]
        (site,) = [await self.context.verifications.site(name) for name in names]
        return site.stage, sorted({*site.cases})


@pytest.fixture
def office(connection: Connection, keyring: Keyring) -> VerifyingOffice:
    return VerifyingOffice(connection, keyring)


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    with capture_logs():
        yield
    failpoints.turn_off()


async def test_a_mended_finding_is_resolved_once_a_scan_that_began_later_does_not_find_it(
    office: VerifyingOffice,
) -> None:
    await office.mend()
    assert office.notes()[-1] == (Status.REVIEWING, "verifying")
    await office.round()
    assert not office.scans.started(), "others may be closed on that site in the next minutes"
    await office.round(600)
    assert office.scans.started() == ["scan_1"]
    await office.round(60)
    assert office.status() is Status.REVIEWING
    office.scans.end("scan_1")
    await office.round(60)
    assert office.status() is Status.RESOLVED
    assert office.notes() == [
        (Status.REVIEWING, "new"),
        (Status.REVIEWING, "verifying"),
        (Status.RESOLVED, "ticket_done"),
    ]
    assert (await office.record()).verification is None
    await office.round(3_600)
    assert await office.redis.keys("remedy:verif*") == []


@pytest.mark.parametrize("opens", [False, True])
async def test_a_finding_that_the_scan_still_finds_gets_its_tickets_back_with_a_comment(
    office: VerifyingOffice, *, opens: bool
) -> None:
    office.scans.there, office.scans.opens = {"fnd_1"}, opens
    await office.mend()
    await office.round(600)
    office.scans.end("scan_1")
    await office.round(60)
    assert [ticket.state for ticket in office.tickets()] == [TicketState.OPEN, TicketState.OPEN]
    assert [kept.comments for kept in office.jira.books.values()] == [["still_found KEY-1 scan_1"]]
    assert office.notes()[2:] == [(Status.REVIEWING, "still_found")]
    assert (await office.record()).verification is None
    await office.round(60)
    assert len(office.source.updates) == 3


async def test_what_claims_no_mending_is_not_scanned_for(office: VerifyingOffice) -> None:
    await office.mend(reason=Reason.FALSE_POSITIVE)
    assert office.status() is Status.RESOLVED
    assert await office.redis.keys("remedy:verif*") == []


async def test_many_cases_of_a_site_share_one_scan_and_what_is_closed_later_waits_for_the_next(
    office: VerifyingOffice, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workers.rounds.verifying.MOST_MARKS", 2)
    keys = [KEY, *(office.find(f"fnd_{number}") for number in range(2, 10))]
    office.scans.there = {"fnd_2", "fnd_3", "fnd_4"}
    for key in keys:
        await office.mend(key)
    await office.round(600)
    late = office.find("fnd_99")
    await office.mend(late)
    office.scans.end("scan_1")
    await office.round(60)
    assert office.scans.started() == ["scan_1"]
    assert [figures.waiting for figures in await verification_figures(office.connection)] == [1]
    left = {name for name, finding in office.source.findings.items() if finding.status is not Status.RESOLVED}
    assert left == {"fnd_2", "fnd_3", "fnd_4", "fnd_99"}
    await office.round(60)
    assert office.scans.started() == ["scan_1"], "no other scan of the site within an hour"
    await office.round(3_600)
    office.scans.end("scan_2")
    await office.round(60)
    assert office.source.findings["fnd_99"].status is Status.RESOLVED


async def test_a_scan_without_a_result_is_told_and_tried_again(office: VerifyingOffice) -> None:
    await office.mend()
    await office.round(600)
    office.scans.end("scan_1", ScanStatus.FAILED)
    await office.round(60)
    assert office.notes()[2:] == [(Status.REVIEWING, "verifying")]
    await office.round(3_600)
    office.scans.end("scan_2")
    await office.round(60)
    assert office.status() is Status.RESOLVED


@pytest.mark.parametrize(("pages", "findings"), [(0, None), (None, 3)])
async def test_a_scan_that_looked_at_nothing_or_does_not_list_what_it_found_has_no_result(
    office: VerifyingOffice, pages: int | None, findings: int | None
) -> None:
    await office.mend()
    await office.round(600)
    office.scans.end("scan_1", pages=pages, findings=findings)
    await office.round(60)
    assert office.notes()[2:] == [(Status.REVIEWING, "verifying")]


async def test_a_scan_that_takes_too_long_is_cancelled_and_tried_again(office: VerifyingOffice) -> None:
    await office.mend()
    await office.round(600)
    await office.round(86_400)
    assert office.scans.kept["scan_1"].status is ScanStatus.CANCELLED
    await office.round(60)
    assert office.scans.started() == ["scan_1", "scan_2"]


async def test_after_some_scans_without_a_result_people_decide(office: VerifyingOffice) -> None:
    await office.mend()
    await office.round(600)
    for number in range(1, MOST_TRIES + 1):
        office.scans.end(f"scan_{number}", ScanStatus.FAILED)
        await office.round(60)
        await office.round(3_600)
    assert len(office.scans.started()) == MOST_TRIES
    assert {ticket.state for ticket in office.tickets()} == {TicketState.OPEN}
    assert [kept.comments for kept in office.snow.books.values()] == [["unverified KEY-1 failed"]]
    assert office.status() is Status.REVIEWING


async def test_where_schoolscan_refuses_to_scan_people_decide_at_once(office: VerifyingOffice) -> None:
    office.scans.troubles.once("start_scan", NO)
    await office.mend()
    await office.round(600)
    await office.round()
    assert {ticket.state for ticket in office.tickets()} == {TicketState.OPEN}
    assert [kept.comments for kept in office.jira.books.values()] == [["unverified KEY-1 refused"]]


async def test_a_finding_without_a_site_is_not_waited_for(office: VerifyingOffice) -> None:
    office.source.findings["fnd_1"] = replace(office.source.findings["fnd_1"], scan_id=None, site=None)
    await office.mend()
    assert {ticket.state for ticket in office.tickets()} == {TicketState.OPEN}
    assert await office.redis.keys("remedy:verif*") == []


async def test_a_scan_whose_start_was_not_answered_is_found_again_and_not_started_twice(
    office: VerifyingOffice,
) -> None:
    office.scans.troubles.once("scan_started", LOST)
    await office.mend()
    await office.round(600)
    await office.round(120)
    office.scans.end("scan_1")
    await office.round(60)
    assert office.scans.started() == ["scan_1"]
    assert office.status() is Status.RESOLVED


@pytest.mark.parametrize("is_host_known", [True, False])
async def test_the_scan_of_another_site_is_not_taken_for_one_whose_start_was_not_answered(
    office: VerifyingOffice, *, is_host_known: bool
) -> None:
    office.scans.takes_filters = False
    office.scans.troubles.once("start_scan", LOST)
    await office.mend()
    await office.round(600)
    other = await office.scans.start_scan("other.example")
    office.scans.end(other)
    if not is_host_known:
        key, scanners = Keyring.parse(generate_key()), office.context.scanners
        office.context = replace(office.context_with(key, office.context.rulebook), scanners=scanners)
    for _ in range(4):
        await office.round(120)
    assert office.status() is Status.REVIEWING
    for _ in range(8):
        await office.round(120)
    own = [name for name in office.scans.started() if name != other]
    assert [office.scans.kept[name].domain for name in own] == [HOST]


@pytest.mark.parametrize("error", [BUSY, LOST])
async def test_a_start_that_never_arrived_is_repeated(office: VerifyingOffice, error: OutsideError) -> None:
    office.scans.troubles.once("start_scan", error)
    await office.mend()
    await office.round(600)
    assert not office.scans.started()
    await office.round(120)
    await office.round(120)
    assert office.scans.started() == ["scan_1"]


async def test_it_waits_while_five_scans_run_or_one_of_the_same_site(office: VerifyingOffice) -> None:
    await office.mend()
    others = [await office.scans.start_scan(f"{number}.example") for number in range(5)]
    await office.round(600)
    assert office.scans.started() == others
    office.scans.end(others.pop())
    others.append(await office.scans.start_scan(HOST.upper()))
    office.scans.end(others[0])
    await office.round(60)
    assert set(office.scans.started()) >= set(others)
    assert (await office.site())[0] is Stage.WAITING
    office.scans.end(others[-1])
    await office.round(60)
    assert (await office.site())[0] is Stage.RUNNING


async def test_a_ticket_that_a_person_opens_again_meanwhile_needs_no_verdict(office: VerifyingOffice) -> None:
    await office.mend()
    await office.round(600)
    office.jira.change("id-1", TicketState.OPEN)
    await office.look()
    office.scans.end("scan_1")
    await office.round(60)
    assert office.status() is Status.REVIEWING
    office.clock.pass_by(60)
    office.jira.change("id-1", TicketState.DONE, Reason.FIXED, by="person")
    await office.look()
    await office.round(3_600)
    assert office.status() is Status.REVIEWING
    office.scans.end("scan_2")
    await office.round(60)
    assert office.status() is Status.RESOLVED


@pytest.mark.parametrize("point", ON_VERIFICATIONS)
async def test_a_worker_may_die_at_any_point_and_the_finding_gets_its_verdict_from_one_scan(
    office: VerifyingOffice, point: str
) -> None:
    failpoints.turn_on(f"{point}=raise@1")
    await office.mend()
    for _ in range(4):
        await office.round(150)
    failpoints.turn_off()
    for _ in range(6):
        await office.round(150)
    for scan_id in office.scans.started():
        office.scans.end(scan_id)
    failpoints.turn_on(f"{point}=raise@1")
    await office.round(60)
    await office.round(60)
    assert office.scans.started() == ["scan_1"]
    assert office.status() is Status.RESOLVED
    assert office.notes()[-1] == (Status.RESOLVED, "ticket_done")


async def test_an_entry_that_was_lost_is_made_again_by_the_next_look(office: VerifyingOffice) -> None:
    await office.mend()
    await office.redis.delete(*await office.redis.keys("remedy:verif*"))
    await office.look()
    await office.round(600)
    office.scans.end("scan_1")
    await office.round(60)
    assert office.status() is Status.RESOLVED
    assert office.notes().count((Status.REVIEWING, "verifying")) == 1


async def test_while_schoolscan_is_away_one_site_asks_for_all(office: VerifyingOffice) -> None:
    await office.mend()
    other = office.find("fnd_2")
    office.source.findings["fnd_2"] = replace(office.source.findings["fnd_2"], scan_id="scan_9", site="b.example")
    await office.mend(other)
    office.scans.troubles.calls.clear()
    office.scans.troubles.for_good("scans", BUSY)
    await office.round(700)
    assert office.scans.troubles.calls == ["scans"]
    office.scans.troubles.heal()
    await office.round(120)
    assert len(office.scans.started()) == 2


async def test_a_site_whose_data_key_is_gone_is_asked_for_once_more(
    office: VerifyingOffice, connection: Connection
) -> None:
    await office.mend()
    scanners = office.context.scanners
    office.context = replace(
        office.context_with(Keyring.parse(generate_key()), office.context.rulebook), scanners=scanners
    )
    await office.round(600)
    await office.round()
    await office.round(700)
    assert office.scans.started() == ["scan_1"]
    office.scans.end("scan_1")
    await office.round(60)
    assert office.status() is Status.RESOLVED


async def test_nothing_that_is_kept_of_a_site_tells_its_name(office: VerifyingOffice) -> None:
    await office.mend()
    for key in await office.redis.keys("remedy:verif*"):
        assert HOST.encode() not in await office.redis.dump(key)
        assert HOST.encode() not in key
    assert HOST.encode() not in await office.redis.dump(CASE + KEY.ref)


async def test_two_workers_take_each_step_once(office: VerifyingOffice) -> None:
    await office.mend()
    office.clock.pass_by(600)
    names = await office.context.verifications.due(office.clock(), 10)
    begun = [
        await office.context.verifications.begin(names[0], 3_600, 120, office.clock(), may_begin=True) for _ in "12"
    ]
    assert begun == [1, 0]
    site = await office.context.verifications.site(names[0])
    moved = [
        await office.context.verifications.move(
            site, Stage.ENDING, office.clock(), office.clock(), fields={"verdict": ScanVerdict.GONE}
        )
        for _ in "12"
    ]
    assert moved == [True, False]
    assert await office.redis.exists(VERIFICATION + names[0], VERIFICATION_CASES + names[0]) == 2


async def test_nothing_is_left_of_a_case_or_a_district_that_is_forgotten(office: VerifyingOffice) -> None:
    other = office.find("fnd_2")
    await office.mend()
    await office.mend(other)
    await CaseForgetting(office.connection).forget(KEY.ref)
    assert [figures.waiting for figures in await verification_figures(office.connection)] == [1]
    await DistrictForgetting(office.connection).forget("lakeside", [])
    assert await office.redis.keys("remedy:verif*") == []


async def test_a_finding_that_has_a_new_id_is_found_by_what_tells_it_apart(office: VerifyingOffice) -> None:
    """Its case is that of an identity: what the scan lists under another id is still there."""
    page = f"https://{HOST}/list.pdf"
    assert isinstance(office.context.rulebook, PlainRulebook)
    office.context.rulebook.identities["lakeside"] = Identity(frozenset({IdentityField.URL}), b"s" * 32)
    old = replace(office.source.findings["fnd_1"], url=page)
    office.source.findings["fnd_1"] = old
    await office.look()
    await office.later()
    for tracker in (office.snow, office.jira):
        for ticket in [kept.ticket for kept in tracker.books.values()]:
            tracker.change(ticket.id, TicketState.DONE, Reason.FIXED, by="person")
    await office.look()
    await office.round(600)
    office.source.findings["fnd_2"] = replace(old, id="fnd_2", scan_id="scan_1")
    office.scans.end("scan_1")
    await office.round(60)
    states = {kept.ticket.state for tracker in (office.snow, office.jira) for kept in tracker.books.values()}
    assert states == {TicketState.OPEN}
